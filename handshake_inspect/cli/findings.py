"""`handshake-inspect findings`: what can be found."""

from __future__ import annotations

import click

from handshake_inspect.render.findings import FORMATS, findings_as


@click.command(epilog="\b\nExample:\n  handshake-inspect findings --format markdown")
@click.option("--format", "-f", "format", type=click.Choice(FORMATS), default="table", show_default=True,
              help="As what to print it.")  # fmt: skip
def findings(format: str) -> None:
    """Print the table of findings: id, severity, what it means.

    The ids are stable: --filter 'finding ID', reports and expectations use them.
    """
    click.echo(findings_as(format))
