"""`handshake-inspect check`: captures as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import BROKEN, DONE, TOO_POOR, UNREADABLE, options
from handshake_inspect.cli.check_writing import init, only_one, update_baseline
from handshake_inspect.cli.output import complain, deliver, style_of
from handshake_inspect.cli.progress import progress_bar
from handshake_inspect.errors import CaptureError, UsageError
from handshake_inspect.render.results import RESULTS, format_of

if TYPE_CHECKING:
    from handshake_inspect import Report
    from handshake_inspect.expect.load import Expectation
    from handshake_inspect.expect.result import Result, Verdict
    from handshake_inspect.expect.targets import Target
    from handshake_inspect.expect.tolerance import Tolerance
    from handshake_inspect.render import Style
    from handshake_inspect.render.results import Write

    Judge = Callable[[Target, Report], list[Result]]

STATUS = {"held": DONE, "broken": BROKEN, "unreadable": UNREADABLE, "unjudged": TOO_POOR}


class CheckCommand(click.Command):
    """A command whose help ends with the keys of an expectation, taken from their tables."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from handshake_inspect.expect.keys import keys, measures

        super().format_epilog(ctx, formatter)
        with formatter.section("Keys of an [[expect]]"):
            formatter.write_dl([(key.example, key.sentence) for key in keys()])
        with formatter.section("Measures of max and min"):
            formatter.write_dl(list(measures()))


@click.command(
    cls=CheckCommand,
    epilog="\b\nExamples:\n  handshake-inspect check --init web.pcap > expect.toml\n"
    "  handshake-inspect check web.pcap\n"
    "  handshake-inspect check run/*.pcap --expect expect.toml --save junit.xml\n"
    "  handshake-inspect check sample_pcaps --format github\n"
    "  handshake-inspect check run.pcap --baseline run.json --update-baseline\n"
    "  handshake-inspect check run.pcap --baseline run.json --tolerance 20%\n\n"
    "Exit status: 0 every expectation holds; 1 one is broken, whatever else could not be read or judged; 2 wrong "
    "usage, or a file of expectations that means nothing; 3 a capture cannot be read to its end; 4 a capture is too "
    "poor to judge an expectation: nothing is guessed.",
)
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option(
    "--expect",
    "expect",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The expectations; without it, expect.toml in the folder of each capture.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Compare with what was recorded, without what differs from run to run.",
)
@click.option("--update-baseline", "update", is_flag=True, help="Record the captures in --baseline, and judge nothing.")
@click.option(
    "--tolerance",
    metavar="T",
    help="How far times may lie from the baseline's: 50%, 100ms, '50%, 100ms' (the "
    "larger counts) or none (not compared); without it, what the baseline says.",
)
@click.option("--init", "first", is_flag=True, help="Write the expectations that this capture passes, as a start.")
@click.option("--together", is_flag=True, help="The captures are one tap's rotated files: judge them as one.")
@click.option(
    "--format",
    "-f",
    "format",
    type=click.Choice(tuple(RESULTS)),
    help="As what: "
    + "; ".join(f"{row.name}: {row.what}" for row in RESULTS.values())
    + ". Without it, what the ending of --output says, else text.",
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    default="-",
    type=click.Path(allow_dash=True, dir_okay=False),
    help="Write here instead of standard output (-).",
)
@click.option(
    "--save",
    "saves",
    metavar="FILE",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="Write the results here as well, as its ending says (.xml, .sarif, .json); may be repeated.",
)
@options.two_msl_option
@click.option(
    "--color/--no-color", "colour", default=None, help="Colour; without it, on a terminal unless NO_COLOR is set."
)
@options.progress_option
def check(
    captures: tuple[str, ...], expect: str | None, baseline: str | None, update: bool, tolerance: str | None,
    first: bool, together: bool, format: str | None, output: str,
    saves: tuple[str, ...], two_msl: str, colour: bool | None, progress: bool | None,
) -> int:  # fmt: skip
    """Judge captures by expectations or a baseline: pass, fail, or cannot be judged.

    Each capture is judged on its own, by `--expect FILE` or by the expect.toml beside it. A folder stands for the
    captures in it and below it that have an expect.toml beside them; for all of them with --expect or --baseline. What
    the capture cannot decide (a gap, one direction, a start mid-stream) is not judged, unless the expectation is
    broken whatever is missing.

    A baseline is the report without addresses, the client's ports, ISNs, clocks and frame numbers. Connections are
    matched by the server's port: those that are alike first, then in their order.
    """
    from handshake_inspect.expect.targets import targets

    if first:
        others = (expect, baseline, tolerance, format, *saves)
        return init(captures, output, two_msl, progress, together=together, others=others)
    kinds = {path: _kind_of(path) for path in saves}
    allowed = _tolerance(tolerance, baseline)
    wanted = targets(captures, together=together, every=bool(expect or baseline))
    if update:
        return update_baseline(wanted, baseline, tolerance, two_msl, progress, others=(expect, format, *saves))
    judges = []
    if expect is not None or baseline is None:
        judges.append(_by_expectations(wanted, expect))
    if baseline is not None:
        judges.append(_by_baseline(wanted, baseline, allowed))
    verdicts = list(_verdicts(wanted, judges, two_msl, progress))
    return _write(verdicts, captures, format or format_of(output) or "text", output, kinds, colour)


def _kind_of(path: str) -> str:
    kind = format_of(path)
    if kind is None:
        endings = ", ".join(ending for row in RESULTS.values() for ending in row.suffixes)
        raise UsageError(f"--save {path}: its ending is none of {endings}")
    return kind


def _by_expectations(wanted: Sequence[Target], asked: str | None) -> Judge:
    """What judges a target by its expectations; every file is read once, and before any capture is."""
    import os

    from handshake_inspect.expect.judge import results_of
    from handshake_inspect.expect.load import load

    files: dict[str, tuple[Expectation, ...]] = {}
    found = {}
    for target in wanted:
        path = asked if asked is not None else target.beside()
        if asked is None and (target.paths[0] == "-" or not os.path.exists(path)):
            lacking = "standard input has none beside it" if target.paths[0] == "-" else f"there is no {path}"
            raise UsageError(
                f"{lacking}: name the expectations with --expect, or write first ones: "
                f"handshake-inspect check --init {target.paths[0]} --output {path}"
            )
        if path not in files:
            files[path] = load(path)
        found[target] = files[path]
    return lambda target, report: results_of(report, found[target], paths=target.paths)


def _tolerance(text: str | None, baseline: str | None) -> Tolerance | None:
    if text is None:
        return None
    if baseline is None:
        raise UsageError("--tolerance belongs to --baseline")
    from handshake_inspect.expect.tolerance import Tolerance

    try:
        return Tolerance.read(text)
    except ValueError as problem:
        raise UsageError(f"--tolerance {problem}") from None


def _by_baseline(wanted: Sequence[Target], path: str, tolerance: Tolerance | None) -> Judge:
    """What judges a target by what was recorded of it; captures that the baseline has and nobody named are told."""
    from handshake_inspect.expect import baseline as recorded

    baseline = recorded.load(path)
    alone = len(wanted) == 1
    entries = {target: recorded.entries_for(baseline, target.name, alone=alone, path=path) for target in wanted}
    named = {recorded.name_of(target.name) for target in wanted}
    if not alone:
        absent = sorted(baseline.captures.keys() - named)
        if absent:
            complain(f"{path} has more captures, which are not judged: {', '.join(absent)}")
    return lambda target, report: recorded.compare(
        report, entries[target], baseline, file=path, tolerance=tolerance, paths=target.paths
    )


def _verdicts(
    wanted: Sequence[Target], judges: Sequence[Judge], two_msl: str, progress: bool | None
) -> Iterator[Verdict]:
    """Judge one target after the other; one that is no capture is a verdict too."""
    from handshake_inspect.analysis import analyse
    from handshake_inspect.expect.judge import verdict
    from handshake_inspect.expect.result import unreadable

    with progress_bar(progress) as tell:
        for target in wanted:
            try:
                report = analyse(target.paths, two_msl=two_msl, progress=only_one(tell, wanted))
            except CaptureError as fault:
                yield unreadable(target.name, fault)
                continue
            results = [result for judge in judges for result in judge(target, report)]
            yield verdict(report, results, capture=target.name)


def _put_results(write: Write, verdicts: Sequence[Verdict], style: Style, out: TextIO) -> None:
    write(verdicts, out, style)


def _write(
    verdicts: Sequence[Verdict], captures: Sequence[str], format: str, output: str, saves: dict[str, str],
    colour: bool | None,
) -> int:  # fmt: skip
    from handshake_inspect.expect.result import worst

    files = [path for path in captures if path != "-"]
    for path, kind in {**saves, output: format}.items():
        write = RESULTS[kind].load()
        style = style_of(path, utc=False, colour=colour)
        deliver(path, files, partial(_put_results, write, verdicts, style))
    if format != "text" or output != "-":
        for verdict in verdicts:
            for fault in verdict.faults:
                complain(fault)
    return STATUS[worst(verdict.outcome for verdict in verdicts)]
