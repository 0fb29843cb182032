"""The command line as click reads it: options, help, and the commands of COMMANDS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click

from handshake_inspect.cli import COMMANDS, DEFAULT_COMMAND, DONE, INTERRUPTED
from handshake_inspect.cli.signals import SIGNALS
from handshake_inspect.errors import UsageError


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and takes anything else for the default command's arguments."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command: click.Command = getattr(
            import_module(f"handshake_inspect.cli.{row.module}"), row.name.replace("-", "_")
        )
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


def run(arguments: Sequence[str] | None) -> int:
    """Run a command line, the process's own for None; what click refuses it shows itself."""
    try:
        status = group.main(arguments, prog_name="handshake-inspect", standalone_mode=False)
    except click.ClickException as refusal:
        refusal.show()
        return refusal.exit_code
    except click.Abort:
        return SIGNALS.status or INTERRUPTED
    return status if isinstance(status, int) else DONE
