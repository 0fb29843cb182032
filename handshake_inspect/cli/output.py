"""Where results go: standard output or a file for the result, standard error for everything else."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, TextIO

from handshake_inspect.errors import UsageError
from handshake_inspect.render import Style

WIDTH_PIPED = 100
"""Columns of a report that does not go to a terminal: the same everywhere, unless COLUMNS says otherwise."""
WIDTH_MIN = 40
TEXT = {"mode": "w", "encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}
BYTES = {"mode": "wb"}
"""How a file is opened for a report, and for a capture."""


def complain(*lines: str) -> None:
    """One message on standard error, with the program's name before its first line and no control characters."""
    from handshake_inspect.render.text import clean

    print("handshake-inspect: " + "\n".join(clean(line) for line in lines), file=sys.stderr, flush=True)


def deliver(path: str, captures: Sequence[str], write: Callable[[TextIO], None]) -> bool:
    """Have `write` write to standard output (`-`) or to a file; False when the reader closed the pipe before the end.

    A file is written beside its place and renamed when it is whole, so that nobody sees half a report and a
    run that fails leaves the old one.  UsageError when it cannot be written, or is one of the captures.
    """
    return _deliver(path, captures, write, TEXT)


def deliver_bytes(path: str, captures: Sequence[str], write: Callable[[BinaryIO], None]) -> bool:
    """As `deliver`, for what is not text; UsageError as well when standard output is a terminal."""
    if path == "-" and sys.stdout.isatty():
        raise UsageError("standard output is a terminal and this is no text: name a file, or pipe it")
    return _deliver(path, captures, write, BYTES)


def _deliver(path: str, captures: Sequence[str], write: Callable[[Any], None], opening: dict[str, str]) -> bool:
    if path == "-":
        return _to_stdout(write, binary=opening is BYTES)
    for capture in captures:
        if capture != "-" and os.path.exists(path) and os.path.exists(capture) and os.path.samefile(path, capture):
            raise UsageError(f"--output {path} would overwrite the capture {capture}")
    try:
        with _file(path, opening) as out:
            write(out)
    except BrokenPipeError:
        return False
    except OSError as problem:
        raise UsageError(f"--output {path} cannot be written: {problem.strerror or problem}") from problem
    return True


def _to_stdout(write: Callable[[Any], None], *, binary: bool) -> bool:
    # A terminal or a pipe may have an encoding that lacks a character of a path: it is spelled out then.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace", newline="\n")
    try:
        write(sys.stdout.buffer if binary else sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        close_quietly(sys.stdout)
        return False
    except OSError as problem:
        close_quietly(sys.stdout)
        raise UsageError(f"standard output cannot be written: {problem.strerror or problem}") from problem
    return True


def close_quietly(stream: TextIO) -> None:
    """Send the rest of a stream nowhere: what is still buffered must not fail again when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def open_what_is_closed() -> None:
    """Python has no stream at all for a descriptor that the shell closed (`>&-`): such output goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


@contextlib.contextmanager
def _file(path: str, opening: dict[str, Any]) -> Iterator[Any]:
    try:
        mode: int | None = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        # A device or a named pipe is written in place; it cannot be replaced.
        with open(path, **opening) as out:
            yield out
        return
    path = os.path.realpath(path)
    beside = f"{path}.{os.getpid()}.part"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(handle, **opening) as out:
            yield out
        if mode is not None:
            os.chmod(beside, stat.S_IMODE(mode))
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def style_of(path: str, *, utc: bool, colour: bool | None) -> Style:
    """How a report for people looks at this place; `colour` None leaves it to the terminal and NO_COLOR."""
    terminal = path == "-" and sys.stdout.isatty()
    if colour is None:
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(width=_width(terminal), colour=colour, utc=utc)


def _width(terminal: bool) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return max(WIDTH_MIN, int(columns))
    if not terminal:
        return WIDTH_PIPED
    try:
        return max(WIDTH_MIN, os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH_PIPED)
    except (OSError, ValueError):
        return WIDTH_PIPED
