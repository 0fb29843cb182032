"""What other tools would call a connection: Wireshark, Zeek, the S#F# code of courses, Community ID."""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any

from handshake_inspect.report import Interop

# hashlib loads OpenSSL, which takes 2 ms; Python's own `random` takes its hash in the same way.
try:
    from _sha1 import sha1  # type: ignore[import-not-found]
except ImportError:
    from hashlib import sha1

RST_SEEN = 32
"""A FLOW_ bit of track/table.pxd."""


def _packed(address: str) -> bytes:
    """Return the bytes of an address."""
    if ":" not in address:
        return bytes(map(int, address.split(".")))
    from ipaddress import IPv6Address  # most captures have no such address

    return IPv6Address(address).packed


def community_id(source: str, target: str, source_port: int, target_port: int, seed: int = 0) -> str:
    """Return the Community ID (version 1) of a TCP 4-tuple; the same for both directions."""
    first = (_packed(source), source_port)
    second = (_packed(target), target_port)
    if second < first:
        first, second = second, first
    data = seed.to_bytes(2, "big") + first[0] + second[0] + bytes([6, 0])
    data += first[1].to_bytes(2, "big") + second[1].to_bytes(2, "big")
    digest = sha1(data, usedforsecurity=False).digest()
    return "1:" + b2a_base64(digest, newline=False).decode()


INACTIVE, PARTIAL, SYN_SENT, ESTABLISHED, CLOSED, RESET = range(6)
"""The states that Zeek gives a side, from what it has sent."""


def zeek_states(history: str) -> tuple[int, int]:
    """Return Zeek's states of the originator and the responder, from its history of the connection.

    Zeek takes every RST and FIN at its word, but a RST after both FINs changes nothing, and a FIN after the peer's
    FIN and RST takes the RST back (TCPSessionAdapter, UpdateEstablishedState).
    """
    states = [INACTIVE, INACTIVE]
    finished = [False, False]
    for letter in history:
        side = int(letter.islower())
        state, kind = states[side], letter.lower()
        if kind == "s" and not side and state in (INACTIVE, PARTIAL):
            states[0] = SYN_SENT
        elif kind in "sh" and state in (INACTIVE, PARTIAL):
            states[side] = ESTABLISHED
            if states[1 - side] == SYN_SENT:
                states[1 - side] = ESTABLISHED
        elif kind in "fq" and state not in (CLOSED, RESET):
            states[side] = CLOSED
            finished[side] = True
            if states[1 - side] == RESET and finished[1 - side]:
                states[1 - side] = CLOSED
        elif kind in "ri" and not (state == CLOSED and states[1 - side] == CLOSED):
            states[side] = RESET
        elif kind in "ad" and state == INACTIVE:
            if kind == "a" and states[1 - side] == ESTABLISHED:
                states[side] = ESTABLISHED
            elif kind == "d" or not side or states[0] != SYN_SENT:
                states[side] = PARTIAL
    return states[0], states[1]


def zeek_conn_state(plain: dict[str, Any]) -> str:
    """Return Zeek's conn_state (its main.zeek, function conn_state), from what each side sent."""
    history = plain["history"].removeprefix("^")
    orig, resp = zeek_states(history)
    orig_silent, resp_silent = orig in (INACTIVE, PARTIAL), resp in (INACTIVE, PARTIAL)
    no_data = not any(flow["bytes"] for flow in plain["flow"])
    if resp == RESET:
        if orig == SYN_SENT or (orig == RESET and no_data):
            return "REJ"
        return "RSTRH" if orig_silent else "RSTR"
    if orig == RESET:
        if not resp_silent:
            return "RSTO"
        before = history.rpartition("R")[0] or history  # a RST with a SYN or FIN has a letter of its own
        only_syn = history[0] == "S" and not set("HAFGIQ") & set(before)
        return "RSTOS0" if only_syn else "OTH"
    if orig == CLOSED:
        if resp == CLOSED:
            return "SF"
        return "SH" if resp_silent else "S2"
    if resp == CLOSED:
        return "SHR" if orig_silent else "S3"
    if (orig, resp) == (SYN_SENT, INACTIVE):
        return "S0"
    return "S1" if orig == resp == ESTABLISHED else "OTH"


def completeness(plain: dict[str, Any]) -> int:
    """Return Wireshark's tcp.completeness; it is 0 for a stream of one segment, unless that is a SYN."""
    segments = sum(flow["segments"] + flow["duplicates"] for flow in plain["flow"])
    return 0 if segments == 1 and not plain["completeness"] & 1 else int(plain["completeness"])


def interop(plain: dict[str, Any], addresses: tuple[str, str]) -> Interop:
    """Return the names that other tools give to the connection that Judge.view() describes."""
    flows = plain["flow"]
    syns = sum(min(flow["syns"] + flow["syn_acks"], 1) for flow in flows)
    fins = sum(min(flow["fins"], 1) for flow in flows)
    reset = any(flow["flags"] & RST_SEEN for flow in flows)
    return Interop(
        wireshark_completeness=completeness(plain),
        zeek_conn_state=zeek_conn_state(plain),
        zeek_history=plain["history"],
        sf=f"S{syns}F{fins}" + ("/R" if reset else ""),
        community_id=community_id(*addresses, *plain["port"]),
    )
