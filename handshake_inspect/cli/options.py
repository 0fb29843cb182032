"""Options that commands share, each a decorator, and the help that lists the words of --filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from handshake_inspect.render import RENDERERS

F = TypeVar("F", bound=Callable[..., Any])

PROFILES = ("linux", "macos", "freebsd", "windows", "rfc")
"""The systems whose 2MSL is known by name; any other is given as a duration."""


class FilteringCommand(click.Command):
    """A command with --filter: its help ends with the words that a filter can use, taken from their table."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from handshake_inspect.select.words import FIELDS

        super().format_epilog(ctx, formatter)
        with formatter.section("Words of --filter (joined by and, or, not, parentheses)"):
            formatter.write_dl([(field.example, field.sentence) for field in FIELDS.values()])


def two_msl(ctx: click.Context, parameter: click.Parameter, text: str) -> str:
    """The name of a system in lower case, or a duration as it was written."""
    if text.lower() in PROFILES:
        return text.lower()
    from handshake_inspect.select.words import duration_ns

    try:
        duration_ns(text)
    except ValueError:
        names = ", ".join(PROFILES)
        raise click.BadParameter(f"'{text}' is none of {names}, and no duration such as 45s.", ctx, parameter) from None
    return text


def captures_argument(command: F) -> F:
    """CAPTURE...: files, `-` for standard input."""
    return click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)(command)


def selection_options(command: F) -> F:
    """--filter and --stream: which connections to show."""
    command = click.option("--stream", "streams", metavar="N", type=click.IntRange(min=0), multiple=True,
                           help="Show the connection with this id step by step; may be repeated.")(command)  # fmt: skip
    return click.option("--filter", "expression", metavar="EXPR",
                        help="Show only connections for which this is true; see below.")(command)  # fmt: skip


def output_options(command: F) -> F:
    """--format and --output: as what, and where to."""
    what = "; ".join(f"{row.name}: {row.what}" for row in RENDERERS.values())
    command = click.option("--output", "-o", metavar="FILE", default="-",
                           type=click.Path(allow_dash=True, dir_okay=False),
                           help="Write here instead of standard output (-).")(command)  # fmt: skip
    return click.option("--format", "-f", "format", type=click.Choice(tuple(RENDERERS)),
                        help=f"{what}. Default: by the ending of --output, else table.")(command)  # fmt: skip


def document_options(*formats: str) -> Callable[[F], F]:
    """--format with a command's own formats, the first being the default, and --output."""

    def decorate(command: F) -> F:
        command = click.option("--output", "-o", metavar="FILE", default="-",
                               type=click.Path(allow_dash=True, dir_okay=False),
                               help="Write here instead of standard output (-).")(command)  # fmt: skip
        return click.option("--format", "-f", "format", type=click.Choice(formats),
                            help=f"Default: by the ending of --output, else {formats[0]}.")(command)  # fmt: skip

    return decorate


def two_msl_option(command: F) -> F:
    """--two-msl: how long TIME_WAIT lasts."""
    return click.option("--two-msl", metavar="|".join((*PROFILES, "DURATION")), default="linux", show_default=True,
                        callback=two_msl, help="How long the hosts stay in TIME_WAIT.")(command)  # fmt: skip


def look_options(command: F) -> F:
    """--utc and --color: how a report for people looks."""
    command = click.option("--color/--no-color", "colour", default=None,
                           help="Colour; without it, on a terminal unless NO_COLOR is set.")(command)  # fmt: skip
    return utc_option(command)


def utc_option(command: F) -> F:
    """--utc: the clock of absolute times."""
    return click.option("--utc", is_flag=True, help="Absolute times in UTC instead of local time.")(command)


def progress_option(command: F) -> F:
    """--progress: a bar on standard error."""
    sentence = "A progress bar on standard error; without it, on a terminal after a second."
    return click.option("--progress/--no-progress", default=None, help=sentence)(command)


def names_option(command: F) -> F:
    """--names: addresses by the names that the capture tells."""
    sentence = "Show addresses by the names in the capture itself (DNS answers, TLS SNI, HTTP Host); asks no network."
    return click.option("--names", is_flag=True, help=sentence)(command)
