"""The command line: COMMANDS is the table of commands, `main` runs one and turns every refusal into an exit status.

To add a command: one file here with a click command of the same name, one row in COMMANDS.  A command's
module is imported when the command is called, so that none pays for another.

Exit status: 0 done; 1 an expectation is broken (`check`); 2 wrong usage, or the output cannot be written;
3 an input cannot be read, or not to its end (what could be read is reported first); 4 the capture is too poor
to judge an expectation (`check`); 130 stopped by Ctrl-C.  A reader that closes the pipe early (`| head`) is no
fault: the run stops quietly, with the status that it had so far.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import click

from handshake_inspect.cli.output import close_quietly, complain, open_what_is_closed
from handshake_inspect.errors import FilterError, HandshakeInspectError, UsageError

DONE, WRONG_USAGE, UNREADABLE, INTERRUPTED = 0, 2, 3, 130
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
    Command("html",     "html",     "Write one page with charts, a table and ladders that opens without a network."),
    Command("extract",  "extract",  "Write the original frames of chosen connections to a capture file."),
    Command("findings", "findings", "Print the table of findings: id, severity, what it means."),
    Command("schema",   "schema",   "Print the JSON Schema of --format json."),
)}
# fmt: on


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and takes anything else for the default command's arguments."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{row.module}"), row.name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.what) for row in COMMANDS.values()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and args[0] not in COMMANDS and args[0] not in own:
            refuse_a_misspelt_command(args[0])
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


def refuse_a_misspelt_command(word: str) -> None:
    """UsageError when a word is no file and looks like a command."""
    if os.path.exists(word):
        return
    from difflib import get_close_matches

    close = get_close_matches(word, COMMANDS, 1)
    if close:
        raise UsageError(f"'{word}' is neither a command nor a file; did you mean '{close[0]}'?")


def print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print name and version, and stop."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"handshake-inspect {version('handshake-inspect')}")
    except PackageNotFoundError:
        click.echo("handshake-inspect, run from its source without being installed")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  handshake-inspect web.pcap\n  handshake-inspect web.pcap --stream 3\n"
    "  tcpdump -w - -c 1000 tcp | handshake-inspect -\n\n"
    "A file that is named like a command is written ./report.\n\n"
    "Exit status: 0 done; 1 an expectation is broken; 2 wrong usage, or the output cannot be written; 3 an input "
    "cannot be read to its end (what could be read is still reported); 4 a capture is too poor to judge.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version,
              help="Print the version and exit.")  # fmt: skip
def group() -> None:
    """What did this TCP connection do?

    Reads packet captures and reconstructs the RFC 9293 states of both ends of every TCP connection, with the
    frame that proves each step.  `handshake-inspect CAPTURE...` is `handshake-inspect report CAPTURE...`.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the result is the exit status, and no fault of an input is ever a traceback."""
    open_what_is_closed()
    gc.set_threshold(GARBAGE)
    try:
        status = group.main(arguments, prog_name="handshake-inspect", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except click.ClickException as refusal:
        refusal.show()
        return refusal.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except FilterError as refusal:
        # The expression with a mark under the place; no other refusal has more than one line.
        complain(*str(refusal).split("\n"))
        return WRONG_USAGE
    except HandshakeInspectError as refusal:
        complain(str(refusal))
        return WRONG_USAGE if isinstance(refusal, UsageError) else UNREADABLE
    except BrokenPipeError:
        close_quietly(sys.stdout)
        return DONE
    except OSError as problem:
        close_quietly(sys.stdout)
        complain(f"{problem.filename or 'standard output'}: {problem.strerror or problem}")
        return WRONG_USAGE
