"""One self-contained HTML page: it opens from a disk, asks for nothing over a network, and runs no script but its own.

The page holds its data as JSON, its charts' library (vendor/), one style sheet and its scripts.  A
Content-Security-Policy with the hashes of these forbids everything else, so even a mistake in the
escaping of a captured name could not run or fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from handshake_inspect.render.facts import captures_in_words, finding_rows, how_they_went, left_over, shown_of
from handshake_inspect.render.page.charts import Charts
from handshake_inspect.render.page.rows import Rows
from handshake_inspect.render.selection import Selection
from handshake_inspect.render.text import clean, clock

if TYPE_CHECKING:
    from handshake_inspect.render import Style

MOST = 10_000
"""So many connections are in the table; of more, the worst."""
SCRIPTS = ("vendor/uPlot.iife.min.js", "words.js", "charts.js", "ladder.js", "page.js")
STYLES = ("vendor/uPlot.min.css", "page.css")
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


class Asset(NamedTuple):
    """Trusted text of this package that goes into the page as it is, and its hash for the policy."""

    text: str
    hash: str


def write(selection: Selection, out: TextIO, style: Style, most: int = MOST) -> None:
    """Write the page on the chosen connections; at most `most` of them are in its table."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("handshake_inspect.render", "page")
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                            lstrip_blocks=True, keep_trailing_newline=True)  # fmt: skip
    first_ns, last_ns = _span(selection)
    charts = Charts(first_ns, last_ns)
    for connection in selection:
        charts.add(connection)
    rows = Rows(first_ns)
    ids = selection.worst(most)
    for id in sorted(ids):
        rows.add(selection[id])
    title = ", ".join(clean(capture.path) for capture in selection.captures[:3])
    if len(selection.captures) > 3:
        title += f" and {len(selection.captures) - 3} more"
    page = templates.get_template("page.html.j2").render(
        title=title,
        captures=captures_in_words(selection, utc=style.utc),
        shown=shown_of(selection),
        held=set(ids),
        chosen=len(selection),
        start=clock(first_ns, utc=style.utc) if first_ns else None,
        facts=how_they_went(selection.summary),
        left_over=left_over(selection.summary),
        findings=[{**row._asdict(), "first": selection.first_with(row.id)} for row in finding_rows(selection)],
        data=as_json({"charts": charts.data(), **rows.data()}),
        scripts=[_asset(name) for name in SCRIPTS],
        styles=[_asset(name) for name in STYLES],
    )
    out.write(page)


def as_json(value: Any) -> Any:
    """The value as JSON that ends no script element, whatever text is in it: `<`, `>`, `&`, U+2028, U+2029 escaped."""
    from markupsafe import Markup

    return Markup(json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(ESCAPES))


def _span(selection: Selection) -> tuple[int, int]:
    """The times of the first and the last frame of all captures; 0 and 0 without any."""
    firsts = [capture.first_time_ns for capture in selection.captures if capture.first_time_ns is not None]
    lasts = [capture.last_time_ns for capture in selection.captures if capture.last_time_ns is not None]
    return min(firsts, default=0), max(lasts, default=0)


def _asset(name: str) -> Asset:
    from markupsafe import Markup

    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Asset(Markup(text), f"'sha256-{digest}'")
