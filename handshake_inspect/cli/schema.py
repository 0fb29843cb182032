"""`handshake-inspect schema`: the contract of --format json, for programs and their tests."""

from __future__ import annotations

from importlib import import_module

import click

DRAWN = {"report": "json", "walk": "ladder_json", "check": "results.json", "live": "live"}
"""Which module of render makes the schema of what it writes."""

LOOKS = ("ss", "census", "time-wait", "why", "isn", "doctor")
"""The names of looks.documents.DOCUMENTS, here so that starting up does not read them."""


@click.command(
    epilog="\b\nExamples:\n  handshake-inspect schema > handshake-inspect.schema.json\n"
    "  handshake-inspect schema --of ss"
)
@click.option("--of", "command", type=click.Choice((*DRAWN, *LOOKS)), default="report", show_default=True,
              help="The command whose JSON it describes.")  # fmt: skip
def schema(command: str) -> None:
    """Print the JSON Schema of --format json.

    Of the report, or of another command: `census` is ss --census, `isn` is why --isn. A line of the report's
    --format ndjson is one item of `connections`: `#/$defs/Connection`; of `live` it describes a line of ndjson.
    """
    import msgspec

    if command in DRAWN:
        document = import_module(f"handshake_inspect.render.{DRAWN[command]}").schema()
    else:
        from handshake_inspect.looks.documents import schema_of

        document = schema_of(command)
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
