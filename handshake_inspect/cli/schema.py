"""`handshake-inspect schema`: the contract of --format json, for programs and their tests."""

from __future__ import annotations

import click

REPORT = "report"
OTHERS = ("ss", "census", "time-wait", "why", "isn", "doctor")
"""The names of looks.documents.DOCUMENTS, here so that starting up does not read them."""


@click.command(
    epilog="\b\nExamples:\n  handshake-inspect schema > handshake-inspect.schema.json\n"
    "  handshake-inspect schema --of ss"
)
@click.option("--of", "command", type=click.Choice((REPORT, *OTHERS)), default=REPORT, show_default=True,
              help="The command whose JSON it describes.")  # fmt: skip
def schema(command: str) -> None:
    """Print the JSON Schema of --format json.

    Of the report, or of another command: `census` is ss --census, `isn` is why --isn. A line of the report's
    --format ndjson is one item of `connections`: `#/$defs/Connection`.
    """
    import msgspec

    if command == REPORT:
        from handshake_inspect.render.json import schema as generated

        document = generated()
    else:
        from handshake_inspect.looks.documents import schema_of

        document = schema_of(command)
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
