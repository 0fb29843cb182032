"""`handshake-inspect schema`: the contract of --format json, for programs and their tests."""

from __future__ import annotations

from importlib import import_module

import click

SCHEMAS = {"report": "json", "walk": "ladder_json"}
"""Which module of render makes the schema of a command's JSON."""


@click.command(epilog="\b\nExample:\n  handshake-inspect schema > handshake-inspect.schema.json")
@click.option("--of", "command", type=click.Choice(tuple(SCHEMAS)), default="report", show_default=True,
              help="The command whose JSON it describes.")  # fmt: skip
def schema(command: str) -> None:
    """Print the JSON Schema of --format json.

    A line of --format ndjson is one item of `connections`: `#/$defs/Connection`.
    """
    import msgspec

    generated = import_module(f"handshake_inspect.render.{SCHEMAS[command]}").schema()
    click.echo(msgspec.json.format(msgspec.json.encode(generated), indent=2))
