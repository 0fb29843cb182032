"""The slow path: scapy finds where IP begins in frames whose outer layers the compiled walk does not know.

scapy is imported when the first such frame comes, never before; and it finds the place only: addresses, ports and
everything of TCP are read by the compiled walk, so that a segment means the same on both paths.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from functools import cache
from typing import Any

from handshake_inspect.capture.homeless import homeless

# scapy's time grows with what it is given, and IP begins near the front or not at all.
DISSECTED_BYTES_MOST = 512
LAYERS_MOST = 64
SHORTEST_IP = 20
"""Bytes of an IP header; a frame of fewer holds none, and is not worth a dissection."""

DISSECTORS = {
    (1, 105): ("scapy.layers.dot11", "Dot11"),
    (1, 119): ("scapy.layers.dot11", "PrismHeader"),
    (1, 127): ("scapy.layers.dot11", "RadioTap"),
    (1, 163): ("scapy.contrib.avs", "AVSWLANHeader"),
    (1, 192): ("scapy.layers.ppi", "PPI"),
    (7, 0x8200): ("scapy.layers.dot11", "Dot11"),
    (9, 1701): ("scapy.layers.l2tp", "L2TP"),
}
"""What scapy dissects for us: (REASON_ number of packet.pxd without its shift, number) to module and class."""


class NotDissected(Exception):
    """scapy has no dissector for this, or failed in it."""


@cache
def _dissector(kind: int, number: int) -> type[Any]:
    """Import a dissector; it must neither print, nor ask this machine for routes, nor touch the user's files."""
    if (kind, number) not in DISSECTORS:
        raise NotDissected
    module, name = DISSECTORS[kind, number]
    for logger in ("scapy", "scapy.loading", "scapy.runtime"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), homeless():
            warnings.simplefilter("ignore")
            conf = importlib.import_module("scapy.config").conf
            before = {flag: getattr(conf, flag, None) for flag in ("route_autoload", "route6_autoload")}
            for flag in before:
                setattr(conf, flag, False)
            try:
                for needed in ("scapy.layers.inet", "scapy.layers.inet6", "scapy.layers.ppp", module):
                    importlib.import_module(needed)
            finally:
                for flag, value in before.items():
                    setattr(conf, flag, value)
            found: type[Any] = getattr(importlib.import_module(module), name)
            return found
    except (ImportError, AttributeError, OSError) as problem:
        raise NotDissected from problem


def find_ip(kind: int, number: int, data: bytes) -> bytes | None:
    """Return the bytes of `data` from the outermost IP header on, or None where scapy finds none.

    `kind` and `number` say what `data` begins with, as DISSECTORS does.  Raises NotDissected.
    """
    dissector = _dissector(kind, number)
    if len(data) < SHORTEST_IP:
        return None
    try:
        layer = dissector(data[:DISSECTED_BYTES_MOST])
        for _ in range(LAYERS_MOST):
            if type(layer).__name__ in ("IP", "IPv6"):
                start = data.find(layer.original[:40], 0, DISSECTED_BYTES_MOST)
                return data[start:] if start >= 0 else None
            layer = layer.payload
            if type(layer).__name__ == "NoPayload":
                return None
    except Exception as problem:  # A dissector may raise anything on hostile bytes; none of it may end the run.
        raise NotDissected from problem
    return None
