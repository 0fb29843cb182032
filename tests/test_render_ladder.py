"""Drawings of a ladder: golden outputs, widths, languages, and that nothing of a capture gets out of its place."""

from __future__ import annotations

import importlib
import io
import json
import re
import shutil
import string
import subprocess
import xml.etree.ElementTree as ET

import pytest
from msgspec.structs import replace

from handshake_inspect.looks import lesson
from handshake_inspect.looks.ladder import Note
from handshake_inspect.render import Style, lessons, rungs
from handshake_inspect.render.drawings import DRAWINGS, LANGUAGES, Look, drawing_of
from handshake_inspect.render.folding import wide, wrap
from handshake_inspect.rfc9293.states import TRANSITIONS, State
from walks import SAMPLES, sample, walk, walk_of

NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/capture.pcap") if path.parent.name != "busy_server")
"""The samples of one connection."""
EVIL = '<script>alert("1")</script>\x1b[31m;#%%|&'


def drawn(ladder, format: str = "table", look: Look = Look(Style(utc=True))) -> str:  # noqa: B008
    out = io.StringIO()
    DRAWINGS[format].load()(ladder, out, look)
    return out.getvalue()


def evil(ladder):
    """The ladder with a text that wants to be code wherever a capture's text can stand."""
    note = Note(id="late-segment", severity="note", text=EVIL)
    client = replace(ladder.connection.client, address=EVIL)
    return replace(
        ladder,
        rows=(replace(ladder.rows[0], notes=(note,)), *ladder.rows[1:]),
        connection=replace(ladder.connection, client=client),
        remarks=(note,),
    )


@pytest.mark.parametrize("width", [50, 60, 80, 100, 140])
def test_the_terminal_ladder_of_an_ordinary_connection(golden, width):
    golden(
        f"walk-normal-{width}.txt",
        drawn(walk(sample("normal_close_by_client")), look=Look(Style(width=width, utc=True))),
    )


def test_without_box_characters_it_is_ascii(golden):
    text = drawn(walk(sample("simultaneous_close")), look=Look(Style(width=80, utc=True), box=False))
    assert text.isascii()
    golden("walk-ascii.txt", text)


def test_colour_changes_nothing_but_colour(golden):
    ladder = walk_of("SYN lost >; SYN again @1 >; < SYN-ACK ack+1; RST >")
    coloured = drawn(ladder, look=Look(Style(width=80, colour=True, utc=True)))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == drawn(ladder, look=Look(Style(width=80, utc=True)))
    golden("walk-colour.txt", coloured)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_lesson_of_an_ordinary_connection(golden, lang):
    golden(
        f"walk-lesson-{lang}.txt",
        drawn(walk(sample("http_walkthrough")), look=Look(Style(width=80, utc=True), lang=lang)),
    )


@pytest.mark.parametrize("format", ["json", "markdown", "mermaid", "svg"])
def test_the_other_formats(golden, format):
    golden(f"walk-close{DRAWINGS[format].suffixes[0]}", drawn(walk(sample("simultaneous_close")), format))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page(golden, lang):
    golden(f"walk-{lang}.html", drawn(walk(sample("refused")), "html", Look(Style(utc=True), lang=lang)))


@pytest.mark.parametrize("width", [70, 80, 100, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal(name, width):
    for lang in (None, *LANGUAGES):
        text = drawn(walk(sample(name), unfolded=True), look=Look(Style(width=width, utc=True), lang=lang))
        assert [line for line in text.splitlines() if wide(line) > width] == []


@pytest.mark.parametrize("format", DRAWINGS)
def test_text_of_a_capture_stays_text(format):
    text = drawn(evil(walk(sample("refused"))), format, Look(Style(utc=True), lang="en"))
    assert "\x1b" not in text
    if format in ("svg", "html", "markdown", "mermaid"):
        assert not re.search(r"(?<!\\)<script", text)
    if format == "svg":
        texts = [element.text for element in ET.fromstring(text).iter() if element.text]
        assert any("<script>" in one for one in texts)
    if format == "json":
        assert json.loads(text)["connection"]["client"]["address"] == EVIL


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_well_formed_and_holds_every_number(name):
    ladder = walk(sample(name))
    root = ET.fromstring(drawn(ladder, "svg"))
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    for row in ladder.rows:
        numbers = " · ".join(rungs.numbers(row))
        assert not numbers or numbers in texts
        for side in (row.client, row.server):
            assert all(rungs.step_in_words(step) in texts for step in side.steps)
    assert [child.tag.split("}")[1] for child in root][:3] == ["title", "desc", "style"]


def test_picture_and_page_load_nothing():
    for format in ("svg", "html"):
        text = drawn(walk(sample("reset")), format)
        assert set(re.findall(r"https?://[^\"\s]+", text)) <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"<script|@import|url\((?!#)|\ssrc=|\shref=", text)


def test_every_state_has_its_colours():
    from handshake_inspect.render.ladder_style import STATES

    assert set(STATES) == {"unknown", *(state.name for state in State)}


def test_json_keeps_its_schema():
    jsonschema = pytest.importorskip("jsonschema")
    from handshake_inspect.render.ladder_json import schema

    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    for name in NAMES:
        for lang in (None, "ko"):
            validator.validate(json.loads(drawn(walk(sample(name)), "json", Look(Style(utc=True), lang=lang))))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_language_has_a_sentence_for_every_key_and_no_other(lang):
    module = importlib.import_module(f"handshake_inspect.render.lessons.{lang}")
    assert set(module.SENTENCES) == lesson.every_key()
    assert set(module.NAMES) == {"client", "server", "nothing"}
    assert set(module.HEADINGS) == {"before", "steps", "after", "legend"}


def test_all_languages_use_the_same_values():
    def used(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name} - {"who", "Who"}

    first, *others = (
        importlib.import_module(f"handshake_inspect.render.lessons.{lang}").SENTENCES for lang in LANGUAGES
    )
    assert [key for other in others for key in first if used(first[key]) != used(other[key])] == []


def test_every_arrow_of_the_state_machine_can_be_explained():
    for arrow in TRANSITIONS:
        key = lesson.step_key(arrow.state.name, arrow.event.text, arrow.next_state.name)
        for lang in LANGUAGES:
            told = lessons.told(lesson.Point(key, "server", {"from": arrow.state.name, "frame": 7}), lang)
            assert "{" not in told
            assert told[-1] == "."


def test_korean_ends_every_sentence_politely():
    sentences = importlib.import_module("handshake_inspect.render.lessons.ko").SENTENCES
    endings = re.compile(r"(?:니다|시오)(?:\([^()]*\))?[.\"]")
    plain = {key for key, text in sentences.items() if key not in lesson.TOOLS and not endings.search(text[-40:])}
    assert plain == set()
    assert [key for key, text in sentences.items() if re.search(r"(?<!니)다\.", text)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("mid_stream", "half_open", "filtered")])
def test_the_line_of_tcpdump_is_what_tcpdump_prints(name):
    if not shutil.which("tcpdump"):
        pytest.skip("tcpdump is not installed")
    done = subprocess.run(["tcpdump", "-n", "-r", str(sample(name))], capture_output=True, text=True, check=True)
    printed = [re.sub(r" options \[[^]]*\],", "", line) for line in done.stdout.splitlines()]
    printed = [re.match(r".*?(Flags .*?length \d+)", line)[1] for line in printed]  # type: ignore[index]
    ladder = walk(sample(name), unfolded=True)
    ours = [lesson.tcpdump_line(row, ladder) for row in ladder.rows]
    assert [(one, theirs) for one, theirs in zip(ours, printed, strict=True) if one and one != theirs] == []
    assert any(ours)


def test_korean_takes_two_columns_a_character():
    assert wide("상태 ok") == 7
    assert wrap("  상태가 됩니다", 10, indent="  ") == ["  상태가", "  됩니다"]


def test_a_word_that_is_too_long_stays_whole():
    assert wrap("see 2001:db8:1111:2222:3333:4444 now", 10) == ["see", "2001:db8:1111:2222:3333:4444", "now"]


@pytest.mark.parametrize("row", DRAWINGS.values(), ids=DRAWINGS)
def test_a_format_can_be_asked_for_by_the_ending_of_a_file(row):
    assert [drawing_of(f"a{suffix}") for suffix in row.suffixes] == [row.name] * len(row.suffixes)
    assert drawing_of("a.out") == "table"
