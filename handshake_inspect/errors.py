"""Every way in which we refuse input.

HandshakeInspectError
+-- CaptureError        a capture that cannot be read, or not beyond some place
+-- FilterError         an expression that --filter does not understand
+-- UsageError          a value that an option or an argument cannot take
    +-- ExpectationError    a file of expectations, or a baseline, that cannot be understood

A fault of the input is one of these; a mistake of ours is an assertion and is never caught.
"""


class HandshakeInspectError(Exception):
    """The root: `except HandshakeInspectError` catches every refusal and no bug."""


class CaptureError(HandshakeInspectError):
    """A capture that cannot be read, or not beyond `offset`.

    `offset` counts bytes from the start of the input after decompression, or is None when no
    byte was read.  `frame` counts frames from 1, as Wireshark does, and is None before the first.
    """

    def __init__(self, path: str, problem: str, *, offset: int | None = None, frame: int | None = None) -> None:
        self.path = path
        self.problem = problem
        self.offset = offset
        self.frame = frame
        place = "".join(
            f"{name} {number}, " for name, number in (("frame", frame), ("offset", offset)) if number is not None
        )
        super().__init__(f"{path}: {place[:-2]}: {problem}" if place else f"{path}: {problem}")


class FilterError(HandshakeInspectError):
    """A filter expression that cannot be understood; `position` counts characters from 0."""

    def __init__(self, expression: str, position: int, problem: str) -> None:
        self.expression = expression
        self.position = position
        self.problem = problem
        super().__init__(f"{problem}\n  {expression}\n  {' ' * position}^")


class UsageError(HandshakeInspectError):
    """A value that an option cannot take; the text says which values it can."""


class ExpectationError(UsageError):
    """A file of expectations or a baseline that cannot be understood; `line` counts from 1, None without a place."""

    def __init__(self, path: str, line: int | None, problem: str) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        super().__init__(f"{path}:{line}: {problem}" if line is not None else f"{path}: {problem}")
