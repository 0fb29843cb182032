"""The colours and fonts of a ladder's picture: one palette for light paper, one for dark."""

from __future__ import annotations

MONO = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
SANS = 'system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK KR", "DejaVu Sans", sans-serif'

# Each state: what fills its pill on light paper, and on dark; its lifeline takes the stronger tone of the pair.
# fmt: off
STATES = {
    #                light pill  light line  dark pill   dark line
    "unknown":      ("#eef0f2",  "#d5d9de",  "#2a2f36",  "#3a414a"),
    "CLOSED":       ("#e6e8eb",  "#c3c8ce",  "#30363d",  "#4a525c"),
    "LISTEN":       ("#dfe9f3",  "#a9c1da",  "#24344a",  "#40608a"),
    "SYN_SENT":     ("#fdebc8",  "#f0b445",  "#4a3510",  "#c98a1b"),
    "SYN_RECEIVED": ("#fdebc8",  "#f0b445",  "#4a3510",  "#c98a1b"),
    "ESTABLISHED":  ("#d3f0dc",  "#3fb06b",  "#123d24",  "#2f9e58"),
    "FIN_WAIT_1":   ("#d5e6fb",  "#5a9be6",  "#15325a",  "#3f82d1"),
    "FIN_WAIT_2":   ("#cfe0fa",  "#3c7fd6",  "#13294d",  "#2f6cc0"),
    "CLOSE_WAIT":   ("#fbdccb",  "#e8823f",  "#4d2713",  "#cf6a2a"),
    "CLOSING":      ("#ead9f8",  "#a873d9",  "#38204f",  "#8f58c4"),
    "LAST_ACK":     ("#f9d5dc",  "#dd6a80",  "#4d1c27",  "#c04e66"),
    "TIME_WAIT":    ("#e3dcf8",  "#8674d8",  "#2b2355",  "#7361cc"),
}
# fmt: on

LIGHT = {
    "paper": "#ffffff", "ink": "#1c2024", "soft": "#60646c", "edge": "#d9dce1", "box": "#f6f7f9", "ok": "#1a7f3c",
    "error": "#c62828", "warning": "#9a5b00", "note": "#0b68a8",
}  # fmt: skip
DARK = {
    "paper": "#12161c", "ink": "#e8eaed", "soft": "#9aa3ad", "edge": "#333a43", "box": "#1b2129", "ok": "#5fd38a",
    "error": "#ff7b72", "warning": "#f0b445", "note": "#6cb6ff",
}  # fmt: skip


def _variables(palette: dict[str, str], pill: int, line: int) -> str:
    words = [f"--{name}:{colour}" for name, colour in palette.items()]
    for state, colours in STATES.items():
        words += [f"--p-{state}:{colours[pill]}", f"--l-{state}:{colours[line]}"]
    return ";".join(words)


def _states() -> str:
    return "".join(
        f".ladder .life.s-{state}{{fill:var(--l-{state})}}"
        f".ladder .s-{state} rect{{fill:var(--p-{state});stroke:var(--l-{state})}}"
        for state in STATES
    )


CSS = (
    f".ladder{{{_variables(LIGHT, 0, 1)}}}"
    f"@media (prefers-color-scheme:dark){{.ladder{{{_variables(DARK, 2, 3)}}}}}"
    ".ladder .paper{fill:var(--paper)}"
    f".ladder text{{fill:var(--ink);font:13px {SANS}}}"
    f".ladder .title{{font:600 18px {SANS}}}"
    f".ladder .name{{font:600 13px {SANS}}}"
    f".ladder .mono,.ladder .time,.ladder .pill text{{font:12px {MONO}}}"
    f".ladder .label{{font:600 14px {SANS}}}"
    ".ladder .frame,.ladder .aside,.ladder .legend,.ladder .cause{fill:var(--soft)}"
    f".ladder .frame,.ladder .cause,.ladder .legend{{font:12px {SANS}}}"
    ".ladder .end{fill:var(--box);stroke:var(--edge)}"
    ".ladder .run{fill:var(--box);stroke:var(--edge);stroke-dasharray:4 4}"
    ".ladder .arrow{stroke:var(--ink);stroke-width:1.6}"
    ".ladder .arrow.is-plain{stroke:var(--soft)}"
    ".ladder .arrow.is-rst{stroke:var(--error)}"
    ".ladder .head{fill:var(--ink)}.ladder .head.is-plain{fill:var(--soft)}.ladder .head.is-rst{fill:var(--error)}"
    ".ladder .pill rect{stroke-width:1}"
    ".ladder .ok{fill:var(--ok)}.ladder .error,.ladder .label.is-rst{fill:var(--error)}"
    ".ladder .warning{fill:var(--warning)}.ladder .note:not(.error):not(.warning){fill:var(--note)}" + _states()
)
