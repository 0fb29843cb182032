"""A walk as a page of its own: the picture, and the lesson step by step.  It loads nothing and runs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from handshake_inspect.render import detail, lessons, rungs
from handshake_inspect.render.ladder_svg import picture
from handshake_inspect.render.text import clean

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row
    from handshake_inspect.render.drawings import Look


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write the page; whatever came from a capture is escaped by the template."""
    lang = look.lang or "en"
    pages = Environment(
        loader=PackageLoader("handshake_inspect.render"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    pages.filters["clean"] = clean
    stays = [
        detail.time_wait_in_words(stay, ladder.start_ns, ladder.decimals) for stay in ladder.connection.time_wait
    ]  # fmt: skip
    out.write(
        pages.get_template("walk.jinja").render(
            lang=lang,
            headings=import_module(f"{lessons.__name__}.{lang}").HEADINGS,
            title=rungs.title(ladder),
            picture=Markup(picture(ladder, utc=look.style.utc)),
            before=lessons.before(ladder, lang),
            steps=[step for row in ladder.rows if (step := told(row, ladder, lang))["said"]],
            after=lessons.after(ladder, lang),
            stays=stays,
            legend=rungs.legend(ladder),
        )
    )


def told(row: Row, ladder: Ladder, lang: str) -> dict[str, object]:
    """What the page says about a row."""
    arrow = {"client": "client → server", "server": "server → client", None: ""}[row.sender]
    return {
        "time": rungs.time_of(row, ladder),
        "frames": rungs.frames_of(row),
        "label": rungs.label(row),
        "arrow": arrow,
        "facts": [*rungs.numbers(row), *rungs.run_lines(row), *takes(row)],
        "sums": [(rungs.sum_long(one), one.ok) for one in row.sums],
        "notes": rungs.notes_of(row, ladder),
        "states": [
            (name, step.transition.to, rungs.step_in_words(step))
            for name, side in (("client", row.client), ("server", row.server))
            for step in side.steps
        ],
        "said": lessons.of_row(row, ladder, lang),
    }


def takes(row: Row) -> list[str]:
    """What a SYN or FIN takes, nothing for any other row."""
    return [rungs.takes_in_words(row.takes)] if row.takes is not None else []
