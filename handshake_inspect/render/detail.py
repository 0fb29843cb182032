"""One connection step by step: what each endpoint went through, the SEQ+1 arithmetic, TIME_WAIT with its bounds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from handshake_inspect.render.columns import width_of
from handshake_inspect.render.facts import CLOSINGS, payload
from handshake_inspect.render.text import address, clean, counted, duration, frame_list, frame_number, seconds, size

if TYPE_CHECKING:
    from handshake_inspect.report import Check, Connection, Endpoint, TimeWait, Transition

# fmt: off
CERTAINTY = {
    "observed":  "the endpoint itself sent the segment that makes this step",
    "confirmed": "it received the segment, and a later one of its own proves that",
    "inferred":  "the segment passed the capture point on its way there; nothing later proves that it arrived",
    "assumed":   "no segment shows it",
}
CHECKS = {
    # name of the check           who         says what                        of which number
    "syn-ack acknowledges syn": ("SYN-ACK", "acknowledges", "client's SYN"),
    "ack acknowledges syn-ack": ("ACK",     "acknowledges", "server's SYN"),
    "ack continues from syn":   ("ACK",     "has SEQ",      "client's SYN"),
    "client fin acknowledged":  ("server",  "acknowledges", "client's FIN"),
    "server fin acknowledged":  ("client",  "acknowledges", "server's FIN"),
}
ENDS = {
    "reuse":       "a new SYN took the 4-tuple",
    "reset":       "a RST ended it (RFC 1337)",
    "expired":     "nothing more was seen for 2MSL, so it is taken as over",
    "capture-end": "the capture ends first",
}
# fmt: on


def story(connection: Connection) -> list[tuple[str, str]]:
    """How it opened, how it closed, what it carried: a name and a sentence for each."""
    after = connection.closing.bytes_after_first_fin
    opening = connection.opening
    carried = f"{payload(connection)}; in {duration(connection.last_time_ns - connection.first_time_ns)}"
    if after.client or after.server:
        carried += f"; after the first FIN: client {size(after.client)}, server {size(after.server)}"
    lines = [("opening", opened(connection)), ("closing", closed(connection)), ("payload", carried)]
    if opening.icmp is not None:
        icmp = opening.icmp
        place = f"from {clean(icmp.reporter)} in frame {frame_number(icmp.frame)}"
        lines.append(("ICMP", f"{clean(icmp.meaning)}, {place}"))
    if opening.schedule is not None and opening.schedule.gaps_ns:
        gaps = ", ".join(duration(gap) for gap in opening.schedule.gaps_ns)
        fits = ", ".join(clean(name) for name in opening.schedule.fits)
        timers = f"the timers of {fits}" if fits else "no timers known here"
        lines.append(("retries", f"SYN again after {gaps}: {timers}"))
    for name, end in (("client", connection.client), ("server", connection.server)):
        if end.names:
            lines.append((name, f"{clean(end.address)} is called {', '.join(map(clean, end.names))}"))
    if connection.roles == "guessed":
        lines.append(("roles", "which end is the client is a guess: the capture starts later"))
    return lines


def opened(connection: Connection) -> str:
    """`three-way (confirmed), frames 1, 2, 3: 12.5 ms = 12.3 ms server side + 250 us client side`."""
    opening = connection.opening
    words = f"{opening.kind} ({opening.certainty})"
    if opening.frames:
        words += f", {frame_list(opening.frames)}"
    if opening.rtt_ns is not None:
        words += f": {duration(opening.rtt_ns)}"
        if opening.server_side_ns is not None and opening.client_side_ns is not None:
            words += f" = {duration(opening.server_side_ns)} server side"
            words += f" + {duration(opening.client_side_ns)} client side"
    if opening.refusals > 1:
        words += f"; refused {opening.refusals:,} times"
    return words


def closed(connection: Connection) -> str:
    """`four-way, the client first, frames 6, 7, 8, 9`; with a RST, who sent it and what it met."""
    closing = connection.closing
    words = closing.kind + (f" ({CLOSINGS[closing.kind]})" if closing.kind in CLOSINGS else "")
    if closing.first is not None:
        words += f", the {closing.first} first"
    if closing.frames:
        words += f", {frame_list(closing.frames)}"
    if closing.reset_by is not None:
        words += f"; RST from the {closing.reset_by}"
        words += f", received in {closing.reset_in_state}" if closing.reset_in_state else ""
    return words


def endpoint_head(name: str, endpoint: Endpoint) -> str:
    """`client 10.0.0.1:40000 ends in TIME_WAIT: ISN 1000, 5 segments, 10 bytes; offers MSS 1460, ...`."""
    facts = [f"ISN {endpoint.isn}"] if endpoint.isn is not None else []
    facts += [counted(endpoint.segments, "segment"), counted(endpoint.bytes, "byte")]
    repeats = endpoint.retransmissions
    again = (("SYN", repeats.syn), ("SYN-ACK", repeats.syn_ack), ("FIN", repeats.fin), ("data", repeats.data))
    facts += [f"{number:,} {what} sent again" for what, number in again if number]
    if endpoint.duplicates:
        facts.append(f"{endpoint.duplicates:,} mirrored")
    if endpoint.missing_bytes:
        facts.append(f"{counted(endpoint.missing_bytes, 'byte')} not captured")
    ends = f"ends in {endpoint.state}" if endpoint.state else "shows no sign of life"
    offers = offered(endpoint)
    return f"{name} {address(endpoint)} {ends}: {', '.join(facts)}" + (f"; offers {offers}" if offers else "")


def offered(endpoint: Endpoint) -> str:
    """The options on its SYN or SYN-ACK, in words."""
    options = endpoint.options
    words = [
        f"MSS {options.mss}" if options.mss is not None else "",
        f"window scale {options.window_scale}" if options.window_scale is not None else "",
        "SACK" if options.sack_permitted else "",
        "timestamps" if options.timestamps else "",
        f"Fast Open {options.fast_open}" if options.fast_open else "",
        "MPTCP" if options.mptcp else "",
        "ECN" if options.ecn else "",
    ]
    return ", ".join(word for word in words if word)


def step_cells(transition: Transition, start_ns: int, decimals: int) -> list[str]:
    """The cells of one transition: time, frame, from, arrow, to, event, certainty."""
    frame = frame_number(transition.frame)
    if transition.earliest_frame is not None and transition.earliest_frame != transition.frame:
        frame = f"{frame_number(transition.earliest_frame)} to {frame}"
    certainty = str(transition.certainty)
    if transition.confirmed_by is not None:
        certainty += f" by frame {frame_number(transition.confirmed_by)}"
    time = seconds(transition.time_ns - start_ns, decimals)
    return [time, frame, transition.from_, "->", transition.to, clean(transition.event), certainty]


STEP_TITLES = ("seconds", "frame", "from", "", "to", "event", "certainty")
STEP_ALIGN = ("right", "right", "left", "left", "left", "left", "left")
EVENT, CERTAIN = STEP_TITLES.index("event"), STEP_TITLES.index("certainty")
EVENT_MIN = 10


def folded_steps(steps: list[list[str]], width: int) -> list[list[str]]:
    """The cells with certainty, then event, folded onto a second line where `width` has no room for them on one."""
    if width_of(STEP_TITLES, steps) <= width:
        return steps
    steps = [[*cells[:CERTAIN], cells[CERTAIN].replace(" by frame", "\nby frame")] for cells in steps]
    longest = max(len(cells[EVENT]) for cells in steps)
    room = max(EVENT_MIN, longest + width - width_of(STEP_TITLES, steps))
    return [[*cells[:EVENT], "\n".join(textwrap.wrap(cells[EVENT], room)), cells[CERTAIN]] for cells in steps]


def stacked_steps(steps: list[list[str]]) -> Iterator[str]:
    """Two lines a transition: `0.020175  2  SYN_SENT -> ESTABLISHED`, and below it the event and the certainty."""
    widths = [max(len(cells[place]) for cells in steps) for place in range(2)]
    for time, frame, before, arrow, after, event, certainty in steps:
        yield f"{time:>{widths[0]}} {frame:>{widths[1]}}  {before} {arrow} {after}"
        yield f"{'':{widths[0]}}   {event}, {certainty}"


def time_in_states(endpoint: Endpoint) -> str:
    """`SYN_SENT 12.3 ms, ESTABLISHED 1.49 s`: where its time went."""
    return ", ".join(f"{clean(state)} {duration(spent)}" for state, spent in endpoint.time_in_state_ns.items())


def certainty_legend(connection: Connection) -> Iterator[str]:
    """A sentence for each certainty that occurs."""
    there = {step.certainty for end in (connection.client, connection.server) for step in end.transitions}
    return (f"{word}: {sentence}" for word, sentence in CERTAINTY.items() if word in there)


def check_in_words(check: Check) -> str:
    """`frame 2: SYN-ACK acknowledges 1001 = client's SYN 1000 + 1`, or what was expected and by how much it is off."""
    who, says, number = CHECKS[check.name]
    sum_of = f"{number} {(check.expected - 1) % 2**32} + 1"
    beyond = (check.seen - check.expected) % 2**32
    words = f"frame {frame_number(check.frame)}: {who} {says} {check.seen}"
    if not beyond:
        return f"{words} = {sum_of}"
    if check.ok:
        return f"{words} = {sum_of} + {counted(beyond, 'byte')} of data"
    off = f"{beyond} too many" if beyond < 2**31 else f"{2**32 - beyond} too few"
    return f"{words}, expected {check.expected} = {sum_of}: {off}"


def time_wait_in_words(stay: TimeWait, start_ns: int, decimals: int) -> str:
    """`client since 2.000000 s (frame 9), for 10.0 ms at least and 1 min at most (2MSL of linux): ...`."""
    words = f"{stay.holder} since {seconds(stay.start_ns - start_ns, decimals)} s (frame {frame_number(stay.frame)})"
    if stay.restarts:
        words += f", again at {frame_list(stay.restarts)}"
    bounds = []
    if stay.at_least_ns is not None:
        bounds.append(f"{duration(stay.at_least_ns)} at least")
    if stay.at_most_ns is not None:
        bounds.append(f"{duration(stay.at_most_ns)} at most")
    if bounds:
        words += f", for {' and '.join(bounds)}"
    if stay.end in ("expired", "capture-end"):
        words += f" (2MSL of {clean(stay.profile)})"
    words += f": {ENDS[stay.end]}"
    return words + (f" in frame {frame_number(stay.end_frame)}" if stay.end_frame is not None else "")
