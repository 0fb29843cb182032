"""What other tools would call a connection: Wireshark, Zeek, the S#F# code of courses, Community ID."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from typing import Any

from handshake_inspect.report import Interop

SYN_SEEN, SYN_ACK_SEEN, FIN_SEEN, RST_SEEN = 4, 8, 16, 32
"""FLOW_ bits of track/table.pxd."""


def community_id(source: str, target: str, source_port: int, target_port: int, seed: int = 0) -> str:
    """Return the Community ID (version 1) of a TCP 4-tuple; the same for both directions."""
    first = (ipaddress.ip_address(source).packed, source_port)
    second = (ipaddress.ip_address(target).packed, target_port)
    if second < first:
        first, second = second, first
    data = seed.to_bytes(2, "big") + first[0] + second[0] + bytes([6, 0])
    data += first[1].to_bytes(2, "big") + second[1].to_bytes(2, "big")
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def zeek_conn_state(plain: dict[str, Any]) -> str:
    """Return Zeek's conn_state (its main.zeek, function conn_state), from what each side sent.

    Zeek takes every RST and FIN at its word: a side is RESET or CLOSED by having sent one.
    """
    orig, resp = plain["flow"]
    history = plain["history"]
    orig_silent = orig["segments"] == 0
    resp_silent = resp["segments"] == 0
    orig_reset, resp_reset = bool(orig["flags"] & RST_SEEN), bool(resp["flags"] & RST_SEEN)
    orig_closed, resp_closed = bool(orig["flags"] & FIN_SEEN), bool(resp["flags"] & FIN_SEEN)
    syn = bool(orig["flags"] & SYN_SEEN)
    answered = bool(resp["flags"] & (SYN_SEEN | SYN_ACK_SEEN))
    if resp_reset:
        if syn and not answered:
            return "REJ"
        if orig_silent:
            return "RSTRH"
        if orig_reset and orig["bytes"] == 0 and resp["bytes"] == 0 and not answered:
            return "REJ"
        return "RSTR" if not orig_reset or history.find("r") < history.find("R") else "RSTO"
    if orig_reset:
        if not syn:
            return "OTH"
        return "RSTOS0" if resp_silent else "RSTO"
    if orig_closed and resp_closed:
        return "SF"
    if orig_closed:
        return "SH" if resp_silent else "S2"
    if resp_closed:
        return "SHR" if orig_silent else "S3"
    if syn and resp_silent:
        return "S0"
    if syn and answered:
        return "S1"
    return "OTH"


def interop(plain: dict[str, Any], addresses: tuple[str, str]) -> Interop:
    """Return the names that other tools give to the connection that Judge.view() describes."""
    flows = plain["flow"]
    syns = sum(min(flow["syns"] + flow["syn_acks"], 1) for flow in flows)
    fins = sum(min(flow["fins"], 1) for flow in flows)
    reset = any(flow["flags"] & RST_SEEN for flow in flows)
    return Interop(
        wireshark_completeness=plain["completeness"],
        zeek_conn_state=zeek_conn_state(plain),
        zeek_history=plain["history"],
        sf=f"S{syns}F{fins}" + ("/R" if reset else ""),
        community_id=community_id(*addresses, *plain["port"]),
    )
