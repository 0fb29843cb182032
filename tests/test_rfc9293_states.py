"""The state machine against RFC 9293: Figure 5 typed again, every state and event, Figures 6 to 13 as ladders."""

import pytest

from handshake_inspect.rfc9293.states import EVENT_TEXTS, NOWHERE, TRANSITIONS, Event, State, flatten
from numbers_in_pxd import numbers
from wrappings import ids, only, path, play

# From the drawing, top to bottom and left to right: state, the arrow's label, next state.
FIGURE_5 = """
    CLOSED       | active OPEN; create TCB, snd SYN | SYN_SENT
    CLOSED       | passive OPEN; create TCB         | LISTEN
    LISTEN       | CLOSE; delete TCB                | CLOSED
    SYN_SENT     | CLOSE; delete TCB                | CLOSED
    SYN_RECEIVED | rcv RST                          | LISTEN
    LISTEN       | rcv SYN; snd SYN,ACK             | SYN_RECEIVED
    LISTEN       | SEND; snd SYN                    | SYN_SENT
    SYN_SENT     | rcv SYN; snd SYN,ACK             | SYN_RECEIVED
    SYN_RECEIVED | rcv ACK of SYN; x                | ESTABLISHED
    SYN_SENT     | rcv SYN,ACK; snd ACK             | ESTABLISHED
    SYN_RECEIVED | CLOSE; snd FIN                   | FIN_WAIT_1
    ESTABLISHED  | CLOSE; snd FIN                   | FIN_WAIT_1
    ESTABLISHED  | rcv FIN; snd ACK                 | CLOSE_WAIT
    FIN_WAIT_1   | rcv FIN; snd ACK                 | CLOSING
    FIN_WAIT_1   | rcv ACK of FIN; x                | FIN_WAIT_2
    CLOSE_WAIT   | CLOSE; snd FIN                   | LAST_ACK
    CLOSING      | rcv ACK of FIN; x                | TIME_WAIT
    LAST_ACK     | rcv ACK of FIN; x                | CLOSED
    FIN_WAIT_2   | rcv FIN; snd ACK                 | TIME_WAIT
    TIME_WAIT    | Timeout=2MSL; delete TCB         | CLOSED
"""


def test_the_table_holds_the_arrows_of_figure_5_and_no_other_under_its_name():
    drawn = sorted(tuple(cell.strip() for cell in line.split("|")) for line in FIGURE_5.strip().splitlines())
    ours = sorted(
        (arrow.state.name, arrow.figure, arrow.next_state.name)
        for arrow in TRANSITIONS
        if arrow.source.startswith("Figure 5")
    )
    assert ours == drawn


@pytest.mark.parametrize("arrow", [arrow for arrow in TRANSITIONS if arrow.figure], ids=lambda arrow: arrow.figure)
def test_an_event_is_named_after_the_label_of_its_arrow(arrow):
    cause, _, action = arrow.figure.partition("; ")
    if cause in ("CLOSE", "SEND", "active OPEN"):
        # A call of the program shows only in what it sends.
        assert arrow.event.text == action.removeprefix("create TCB, ")
    else:
        assert arrow.event.text == {"Timeout=2MSL": "2MSL timeout"}.get(cause, cause)


def test_every_state_has_one_answer_to_every_event(golden):
    table = flatten()
    lines = []
    for state in State:
        for event in Event:
            following = table[state * len(Event) + event]
            lines.append(f"{state.name:<13}{event.name:<16}{'-' if following == NOWHERE else State(following).name}")
    assert len(table) == len(lines) == len(State) * len(Event)
    golden("rfc9293-states.txt", "\n".join(lines) + "\n")


def test_a_second_arrow_for_the_same_event_is_refused(monkeypatch):
    monkeypatch.setattr("handshake_inspect.rfc9293.states.TRANSITIONS", (*TRANSITIONS, TRANSITIONS[0]))
    with pytest.raises(AssertionError, match=r"^two arrows leave CLOSED on passive OPEN\b"):
        flatten()


def test_compiled_code_has_the_same_numbers():
    expected = {state.name: int(state) for state in State} | {event.name: int(event) for event in Event}
    assert numbers("rfc9293/states.pxd") == expected | {"STATES": len(State), "EVENTS": len(Event), "NO_STATE": NOWHERE}
    assert len(EVENT_TEXTS) == len(Event)
    assert numbers("verdict/replay.pxd", "MOST_")["STEPS"] > 2 * numbers("verdict/replay.pxd", "MOST_")["EVIDENCE"]


# fmt: off
FIGURES = {
    "6, basic three-way handshake": (
        "SYN >; < SYN-ACK; ACK >; DATA(5) >", "three-way", "open",
        "CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED"),
    "7, simultaneous synchronisation": (
        "SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK", "simultaneous", "open",
        "CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED", "CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED"),
    "8, recovery from an old duplicate SYN": (
        "SYN isn-10 hidden >; SYN isn+10 lost >; < SYN-ACK; RST seq=-9 >; SYN again >; < SYN-ACK isn+100; ACK >",
        "three-way", "open",
        "CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED LISTEN SYN_RECEIVED ESTABLISHED"),
    "9, half-open connection discovery": (
        "mid; SYN isn+300 >; < ACK old; RST old >; SYN again >; < SYN-ACK isn+500; ACK >", "three-way", "open",
        "CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED"),
    "10, the active side causes the discovery": (
        "mid; < DATA(10); RST >", "mid-stream", "reset", "ESTABLISHED CLOSED", "ESTABLISHED CLOSED"),
    "11, an old duplicate SYN at two listeners": (
        "SYN >; < SYN-ACK; RST >", "reset", "none", "CLOSED SYN_SENT CLOSED", "LISTEN SYN_RECEIVED LISTEN"),
    "12, normal close": (
        "mid; close; quiet @61", "mid-stream", "four-way",
        "ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED", "ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED"),
    "13, simultaneous close": (
        "mid; FIN~ >; < FIN; ACK >; < ACK; quiet @61", "mid-stream", "simultaneous",
        "ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT CLOSED", "ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT CLOSED"),
}
# fmt: on


@pytest.mark.parametrize("figure", FIGURES)
def test_the_conversations_of_the_rfc_pass_through_the_states_drawn_there(figure):
    ladder, opening, closing, client, server = FIGURES[figure]
    connection = only(ladder)
    assert (connection.opening.kind, connection.closing.kind) == (opening, closing)
    assert (path(connection.client), path(connection.server)) == (client, server)


def test_figure_9_with_the_old_connection_in_the_capture_resets_the_old_and_opens_the_new():
    old, new = play(
        "open; talk; SYN isn+300 >; < ACK old; RST old >; SYN again >; < SYN-ACK isn+500; ACK >"
    ).connections
    assert (old.closing.kind, old.closing.reset_by, old.closing.reset_in_state) == ("reset", "client", "ESTABLISHED")
    assert path(old.server) == "LISTEN SYN_RECEIVED ESTABLISHED CLOSED"
    assert (new.opening.kind, new.closing.kind, path(new.client)) == (
        "three-way", "open", "CLOSED SYN_SENT ESTABLISHED",
    )  # fmt: skip
    assert "syn-challenged" in ids(new)


def test_note_2_of_figure_5_is_two_arrows_taken_in_one_frame():
    steps = only("mid; FIN >; < FIN; ACK >").client.transitions
    assert [(step.to, step.event, step.frame) for step in steps] == [
        ("FIN_WAIT_1", "snd FIN", 1),
        ("FIN_WAIT_2", "rcv ACK of FIN", 2),
        ("TIME_WAIT", "rcv FIN", 2),
    ]


def test_a_fin_may_ride_on_the_ack_of_the_syn_ack():
    connection = only("SYN >; < SYN-ACK; FIN >; < FIN; ACK >")
    assert path(connection.server) == "LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED"
    assert [step.frame for step in connection.server.transitions] == [1, 3, 3, 4, 5]
