"""What other tools would call a connection: Wireshark, Zeek, the S#F# code of courses, Community ID."""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache

from handshake_inspect.track.history import history_text

# hashlib loads OpenSSL, which takes 2 ms; Python's own `random` takes its hash in the same way.
try:
    from _sha1 import sha1  # type: ignore[import-not-found]
except ImportError:
    from hashlib import sha1


def community_id(source: str, target: str, source_port: int, target_port: int, seed: int = 0) -> str:
    """Return the Community ID (version 1) of a TCP 4-tuple; the same for both directions."""
    from ipaddress import ip_address

    ends = ((ip_address(source).packed, source_port), (ip_address(target).packed, target_port))
    first, second = (address + port.to_bytes(2, "big") for address, port in ends)
    return community_id_of(first, second, seed)


def community_id_of(first: bytes, second: bytes, seed: int = 0) -> str:
    """Return the Community ID of two endpoints, each an address and a port as they are on the wire."""
    if second < first:
        first, second = second, first
    data = seed.to_bytes(2, "big") + first[:-2] + second[:-2] + b"\6\0" + first[-2:] + second[-2:]
    digest = sha1(data, usedforsecurity=False).digest()
    return "1:" + b2a_base64(digest, newline=False).decode()


def sf_code(syns: int, fins: int, reset: bool) -> str:
    """Return the code of courses on networks: how many ends sent a SYN and a FIN, and whether either sent a RST."""
    return f"S{syns}F{fins}/R" if reset else f"S{syns}F{fins}"


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


def zeek_conn_state(history: str, data: bool) -> str:
    """Return Zeek's conn_state (its main.zeek, function conn_state), from what each side sent; `data`: any payload."""
    history = history.removeprefix("^")
    orig, resp = zeek_states(history)
    orig_silent, resp_silent = orig in (INACTIVE, PARTIAL), resp in (INACTIVE, PARTIAL)
    if resp == RESET:
        if orig == SYN_SENT or (orig == RESET and not data):
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


@lru_cache(maxsize=4096)
def zeek(first: int, second: int, originator: int, data: bool) -> tuple[str, str]:
    """Return Zeek's history, kept in two words (track/history.pxd), and its conn_state; a capture has few of them."""
    history: str = history_text(first, second, originator)
    return history, zeek_conn_state(history, data)
