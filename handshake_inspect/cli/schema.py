"""`handshake-inspect schema`: the contract of --format json, for programs and their tests."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExample:\n  handshake-inspect schema > handshake-inspect.schema.json")
def schema() -> None:
    """Print the JSON Schema of --format json.

    A line of --format ndjson is one item of `connections`: `#/$defs/Connection`.
    """
    import msgspec

    from handshake_inspect.render.json import schema as generated

    click.echo(msgspec.json.format(msgspec.json.encode(generated()), indent=2))
