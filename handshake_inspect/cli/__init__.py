"""The command line: COMMANDS is the table of commands, `main` runs one and turns every refusal into an exit status.

To add a command: one file here with a click command of the same name, one row in COMMANDS.  A command's
module is imported when the command is called, so that none pays for another.  Where nothing but captures is named
there is nothing to parse, and click is not imported either: that is a quarter of a small capture's time.

Exit status: 0 done; 1 an expectation is broken (`check`); 2 wrong usage, or the output cannot be written;
3 an input cannot be read, or not to its end (what could be read is reported first); 4 the capture is too poor
to judge an expectation (`check`); 130 stopped by Ctrl-C, 143 by SIGTERM, with the report of what was read so far.  A
reader that closes the pipe early (`| head`) is no fault: the run stops quietly, with the status that it had so far.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from handshake_inspect.cli.output import close_quietly, complain, open_what_is_closed
from handshake_inspect.cli.signals import SIGNALS, listen
from handshake_inspect.errors import FilterError, HandshakeInspectError, UsageError

DONE, BROKEN, WRONG_USAGE, UNREADABLE, TOO_POOR, INTERRUPTED = 0, 1, 2, 3, 4, 130
DEFAULT_COMMAND = "report"

GARBAGE = 100_000
"""New objects before Python looks for cycles; at its own 700 it looks, in vain, for a sixth of a short run's time."""


class Command(NamedTuple):
    """One command: its module holds a click command under the same name (with _ for -)."""

    name: str
    module: str
    what: str


# fmt: off
COMMANDS = {row.name: row for row in (
    Command("report",   "report",   "How each TCP connection opened and closed, and what is wrong (the default)."),
    Command("walk",     "walk",     "One connection, segment by segment: both ends' states and the SEQ + 1 sums."),
    Command("ss",       "ss",       "What `ss -tan` would have printed on each host at an instant."),
    Command("time-wait", "time_wait", "Who holds TIME_WAIT, since when, how it ended, and the ports it costs."),
    Command("why",      "why",      "Each connection that failed or ended badly, in one sentence with its evidence."),
    Command("doctor",   "doctor",   "Can this capture be believed: where it was taken, what it lacks, firm verdicts."),
    Command("live",     "live",     "Each connection's states while they change, on an interface."),
    Command("check",    "check",    "Judge captures by expectations or a baseline: pass, fail, or cannot be judged."),
    Command("html",     "html",     "Write one page with charts, a table and ladders that opens without a network."),
    Command("extract",  "extract",  "Write the original frames of chosen connections to a capture file."),
    Command("findings", "findings", "Print the table of findings: id, severity, what it means."),
    Command("schema",   "schema",   "Print the JSON Schema of --format json."),
)}
# fmt: on


def only_captures(words: Sequence[str]) -> bool:
    """Whether a command line names files and nothing else: the default report on them."""
    return (
        bool(words)
        and words[0] not in COMMANDS
        and not any(word.startswith("-") for word in words)
        and all(map(os.path.exists, words))
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the result is the exit status, and no fault of an input is ever a traceback."""
    open_what_is_closed()
    listen()
    gc.set_threshold(GARBAGE)
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    try:
        if only_captures(words):
            from handshake_inspect.cli.show import show

            status = show(words)
        else:
            from handshake_inspect.cli.parsing import run

            status = run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has just shown ^C
        return SIGNALS.status or INTERRUPTED
    except FilterError as refusal:
        # The expression with a mark under the place; no other refusal has more than one line.
        complain(*str(refusal).split("\n"))
        return WRONG_USAGE
    except HandshakeInspectError as refusal:
        complain(str(refusal))
        return WRONG_USAGE if isinstance(refusal, UsageError) else SIGNALS.status or UNREADABLE
    except BrokenPipeError:
        close_quietly(sys.stdout)
        return DONE
    except OSError as problem:
        close_quietly(sys.stdout)
        complain(f"{problem.filename or 'standard output'}: {problem.strerror or problem}")
        return WRONG_USAGE
