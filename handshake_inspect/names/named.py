"""A report whose endpoints carry the names that the capture tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from handshake_inspect.names.labels import Flow, Labels

if TYPE_CHECKING:
    from handshake_inspect.analysis import Report
    from handshake_inspect.report import CaptureInfo, Connection, Frame, Summary

CAPTURE_SHIFT = 40


class NamedConnections(Sequence["Connection"]):
    """The views of a report, each given its names when it is asked for."""

    def __init__(self, connections: Sequence[Connection], labels: Labels) -> None:
        self._connections = connections
        self._labels = labels

    def __len__(self) -> int:
        return len(self._connections)

    @overload
    def __getitem__(self, place: int) -> Connection: ...
    @overload
    def __getitem__(self, place: slice) -> list[Connection]: ...
    def __getitem__(self, place: int | slice) -> Connection | list[Connection]:
        if isinstance(place, slice):
            return [self._named(connection) for connection in self._connections[place]]
        return self._named(self._connections[place])

    def __iter__(self) -> Iterator[Connection]:
        return map(self._named, self._connections)

    def _named(self, connection: Connection) -> Connection:
        import msgspec

        client, server = connection.client, connection.server
        flow = Flow(client.address, client.port, server.address, server.port)
        first, last = _number(connection.first_frame), _number(connection.last_frame)
        of_client, of_server = self._labels.of_address(client.address), self._labels.of_server(flow, first, last)
        if not of_client and not of_server:
            return connection
        return msgspec.structs.replace(
            connection,
            client=msgspec.structs.replace(client, names=of_client),
            server=msgspec.structs.replace(server, names=of_server),
        )


class Named:
    """An analysis as before, but for `connections`, which carry names."""

    def __init__(self, report: Report, labels: Labels) -> None:
        self.captures: tuple[CaptureInfo, ...] = report.captures
        self.connections = NamedConnections(report.connections, labels)
        self._report = report

    @property
    def summary(self) -> Summary:
        """The counts over all connections."""
        return self._report.summary

    def worst(self, count: int) -> list[int]:
        """As Report.worst."""
        return self._report.worst(count)

    def first_with(self, finding_id: str) -> int | None:
        """As Report.first_with."""
        return self._report.first_with(finding_id)


def _number(frame: Frame) -> int:
    return frame if isinstance(frame, int) else frame.capture << CAPTURE_SHIFT | frame.frame
