"""The table of findings as text, from the rows that the analysis itself uses."""

from __future__ import annotations

TITLES = ("finding", "severity", "what it means")
FORMATS = ("table", "json", "markdown")


def findings_as(format: str) -> str:
    """Every finding in one of FORMATS, without a newline at the end."""
    from handshake_inspect.verdict.findings import FINDINGS

    rows = [(row.id, row.severity, row.sentence) for row in FINDINGS]
    if format == "json":
        import msgspec

        named = [dict(zip(("id", "severity", "sentence"), row, strict=True)) for row in rows]
        return msgspec.json.format(msgspec.json.encode(named), indent=2).decode()
    if format == "markdown":
        from handshake_inspect.render.markdown import table

        return "\n".join(table(TITLES, rows))
    from handshake_inspect.render.grid import tabulate

    return tabulate(rows, headers=TITLES, disable_numparse=True)
