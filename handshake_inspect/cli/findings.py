"""`handshake-inspect findings`: what can be found, from the table that the analysis itself uses."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExample:\n  handshake-inspect findings --format markdown")
@click.option("--format", "-f", "format", type=click.Choice(("table", "json", "markdown")), default="table",
              show_default=True, help="As what to print it.")  # fmt: skip
def findings(format: str) -> None:
    """Print the table of findings: id, severity, what it means.

    The ids are stable: --filter 'finding ID', reports and expectations use them.
    """
    from handshake_inspect.verdict.findings import FINDINGS

    rows = [(row.id, row.severity, row.sentence) for row in FINDINGS]
    titles = ("id", "severity", "sentence")
    if format == "json":
        import msgspec

        encoded = msgspec.json.encode([dict(zip(titles, row, strict=True)) for row in rows])
        click.echo(msgspec.json.format(encoded, indent=2))
    elif format == "markdown":
        from handshake_inspect.render.markdown import table

        click.echo("\n".join(table(("finding", "severity", "what it means"), rows)))
    else:
        from tabulate import tabulate

        click.echo(tabulate(rows, headers=("finding", "severity", "what it means"), disable_numparse=True))
