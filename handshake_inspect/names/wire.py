"""The pass over the captures that finds the messages with names in them.

Columns point at the few frames worth a look: a TCP payload that begins as a ClientHello, a request or a DNS message,
and a UDP source port 53.  Only these reach Python, so the pass costs little more than reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from handshake_inspect.capture import Batch
from handshake_inspect.capture.source import STDIN
from handshake_inspect.decode import Decoder
from handshake_inspect.decode.outer import HEADERS, udp_of
from handshake_inspect.errors import UsageError
from handshake_inspect.names.dns import answers_in
from handshake_inspect.names.http import METHODS, host_in
from handshake_inspect.names.labels import Flow, Labels
from handshake_inspect.names.tls import HELLO_MOST, hello_in
from handshake_inspect.segments import opened
from handshake_inspect.views import address_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DNS_PORT = 53
DNS_HEADER = 12
TCP = 1
PENDING_MOST = 1_024
VLAN_TAG = 4
IPV4_HEADER, IPV6_HEADER = 20, 40
CLIENT_HELLO_STARTS = (b"\x16\x03\x01", b"\x16\x03\x02", b"\x16\x03\x03", b"\x16\x03\x00")


def refuse_standard_input(paths: Sequence[str]) -> None:
    """UsageError when one of the captures is standard input, which cannot be read twice."""
    if STDIN in paths:
        raise UsageError("--names reads the captures twice, and standard input only once: save it to a file first")


def names_of(paths: str | Sequence[str]) -> Labels:
    """Return the names that captures tell; what is damaged is read as far as it goes.  Raises UsageError for `-`."""
    names = [paths] if isinstance(paths, str) else list(paths)
    refuse_standard_input(names)
    finder = _Finder()
    for capture in opened(names):
        for batch in capture.batches():
            finder.look(batch)
        finder.decoder.reset()
    return finder.labels


class _Finder:
    """Looks through batches; a ClientHello in several segments waits in `pending` for the rest of it."""

    def __init__(self) -> None:
        self.labels = Labels()
        self.decoder = Decoder()
        self.pending: dict[Flow, tuple[int, bytes]] = {}

    def look(self, batch: Batch) -> None:
        """Take what one batch tells."""
        import numpy as np

        rows = self.decoder.decode(batch)
        frames = np.asarray(batch.frames)[: batch.count]
        data = np.frombuffer(batch.buffer, dtype=np.uint8)
        for row in _from_port_53(frames, data):
            frame = frames[row]
            start = int(frame["start"])
            datagram = udp_of(int(frame["link_type"]), bytes(batch.buffer[start : start + int(frame["captured"])]))
            if datagram is not None and datagram.source_port == DNS_PORT:
                self._answers(datagram.payload)
        self._tcp(batch, np.asarray(self.decoder.segments)[:rows], frames, data)

    def _answers(self, message: bytes) -> None:
        for answer in answers_in(message):
            self.labels.answered(answer.address, answer.names)

    def _tcp(self, batch: Batch, segments: NDArray[Any], frames: NDArray[Any], data: NDArray[np.uint8]) -> None:
        """Look at the payloads that begin as one of the messages, or go on with a ClientHello."""
        import numpy as np

        segments = segments[(segments["kind"] == TCP) & (segments["length"] > 3)]
        if not len(segments):
            return
        of = frames[(segments["frame"] & np.uint64(0xFFFFFFFFFF)).astype(np.int64) - batch.first_frame]
        start = of["start"].astype(np.int64)
        end = start + of["captured"]
        # The payload is the end of the packet, and the packet that of the frame, below whatever layers.
        at = start + of["wire"] - segments["length"]
        held = (at >= start) & (at + 4 <= end)
        segments, at, end = segments[held], at[held], end[held]
        first = sum(data[at + place].astype(np.uint32) << np.uint32(24 - 8 * place) for place in range(4))
        wanted = np.isin(first, [int.from_bytes(method) for method in METHODS])
        wanted |= np.isin(first >> np.uint32(8), [int.from_bytes(hello) for hello in CLIENT_HELLO_STARTS])
        wanted |= segments["src_port"] == DNS_PORT
        for flow_port in {flow.client_port for flow in self.pending}:
            wanted |= segments["src_port"] == flow_port
        fresh = self._rows(segments, wanted)
        for row in fresh:
            self._segment(segments[row], bytes(batch.buffer[int(at[row]) : int(end[row])]))

    def _rows(self, segments: NDArray[Any], wanted: NDArray[np.bool_]) -> Iterator[int]:
        """Yield the rows that are wanted; one that begins a long ClientHello makes its followers wanted too."""
        import numpy as np

        rows = np.flatnonzero(wanted)
        at = 0
        while at < len(rows):
            row = int(rows[at])
            at += 1
            before = len(self.pending)
            yield row
            if len(self.pending) > before:
                wanted[row + 1 :] |= segments["src_port"][row + 1 :] == segments["src_port"][row]
                rows, at = row + 1 + np.flatnonzero(wanted[row + 1 :]), 0

    def _segment(self, segment: Any, payload: bytes) -> None:
        if int(segment["src_port"]) == DNS_PORT:
            size = int.from_bytes(payload[:2])
            if size >= DNS_HEADER:
                self._answers(payload[2 : 2 + size])
            return
        family = int(segment["family"])
        flow = Flow(
            address_text(family, int(segment["src_high"]), int(segment["src_low"])), int(segment["src_port"]),
            address_text(family, int(segment["dst_high"]), int(segment["dst_low"])), int(segment["dst_port"]),
        )  # fmt: skip
        name = host_in(payload) if payload[:4] in METHODS else self._hello(flow, int(segment["seq"]), payload)
        if name is not None:
            self.labels.asked(flow, int(segment["frame"]), name)

    def _hello(self, flow: Flow, seq: int, payload: bytes) -> str | None:
        """Return the server name of a ClientHello that ends here; a part that is out of order is given up."""
        expected, before = self.pending.pop(flow, (seq, b""))
        if expected != seq:
            if not payload.startswith(CLIENT_HELLO_STARTS):
                return None
            before = b""
        data = (before + payload)[:HELLO_MOST]
        hello = hello_in(data)
        if hello.needs:
            if len(self.pending) >= PENDING_MOST:
                self.pending.pop(next(iter(self.pending)))
            self.pending[flow] = ((seq + len(payload)) % 2**32, data)
        return hello.name


def _from_port_53(frames: NDArray[Any], data: NDArray[np.uint8]) -> list[int]:
    """Return the frames whose UDP source port may be 53: behind IPv4 without options or IPv6, and VLAN tags."""
    import numpy as np

    start = frames["start"].astype(np.int64)
    end = start + frames["captured"]
    found = np.zeros(len(frames), dtype=bool)
    for link_type in np.unique(frames["link_type"]).tolist():
        size, type_at = HEADERS.get(link_type, (0, None))
        if link_type not in HEADERS:
            continue
        of_link = frames["link_type"] == link_type
        for tags in range(3 if type_at is not None else 1):
            for header in (IPV4_HEADER, IPV6_HEADER):
                at = start + size + tags * VLAN_TAG + header
                whole = of_link & (at + 8 + DNS_HEADER <= end)
                here = np.where(whole, at, 0)
                found |= whole & (data[here] == 0) & (data[np.minimum(here + 1, len(data) - 1)] == DNS_PORT)
    return np.flatnonzero(found).tolist()
