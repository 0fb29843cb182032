"""Community ID (version 1) of a whole column of 4-tuples; `views.interop` has that of a single one."""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TCP = 6
ENDS = [("protocol", "u1"), ("zero", "u1"), ("ports", ">u2", 2)]
LAYOUTS = {
    4: np.dtype([("seed", ">u2"), ("low", ">u4", 2), *ENDS]),
    6: np.dtype([("seed", ">u2"), ("addresses", ">u8", (2, 2)), *ENDS]),
}
"""The bytes that are hashed, without gaps: seed 0, both addresses, the protocol, a zero, both ports."""


def community_ids(rows: Array) -> list[str]:
    """Return the Community ID of each Row; the lower address, or of one address the lower port, comes first."""
    high, low, port = rows["high"], rows["low"], rows["port"]
    apart = (high[:, 0] != high[:, 1], low[:, 0] != low[:, 1])
    swap = np.where(
        apart[0], high[:, 0] > high[:, 1], np.where(apart[1], low[:, 0] > low[:, 1], port[:, 0] > port[:, 1])
    )
    first = swap.astype(int)
    order = np.stack([first, 1 - first], axis=1)
    high, low, port = (np.take_along_axis(pair, order, axis=1) for pair in (high, low, port))
    found = [""] * len(rows)
    for family, layout in LAYOUTS.items():
        places = np.flatnonzero(rows["family"] == family)
        data = np.zeros(len(places), layout)
        data["protocol"] = TCP
        data["ports"] = port[places]
        if family == 4:
            data["low"] = low[places]
        else:
            data["addresses"] = np.stack([high[places], low[places]], axis=2)
        size, packed = layout.itemsize, data.tobytes()
        for number, place in enumerate(places.tolist()):
            digest = sha1(packed[number * size : (number + 1) * size], usedforsecurity=False).digest()
            found[place] = f"1:{b2a_base64(digest, newline=False).decode()}"
    return found
