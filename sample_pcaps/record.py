#!/usr/bin/env python3
"""Record the sample captures again, between real sockets: Linux, root, nothing but Python and ip.

    sudo python3 sample_pcaps/record.py [--into FOLDER] [NAME ...]

Each capture is compared with its recipe (recipes.py) before it is written, so the frame numbers in
its README.md are right or the recording is refused.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from pathlib import Path

from netns import ONE_WAY, CannotRecord, Segment, Wire, write_pcap
from recipes import RECIPES, Recipe

HERE = Path(__file__).parent

ATTEMPTS = 3
"""How often a scene is played before we believe that its frames differ: a busy machine delays an ACK."""

Capture = list[tuple[int, bytes]]


def segments_of(capture: Capture) -> list[Segment]:
    """Read the frames of a capture; the hosts' own MAC addresses tell the direction."""
    segments = [Segment.of("server" if frame[5] == 2 else "client", frame) for _, frame in capture]
    return [segment for segment in segments if segment]


def word(segment: Segment) -> str:
    """Spell a segment as recipes do: "SYN >", "< data"."""
    name = "data" if segment.length and "," not in segment.flag_names else segment.flag_names
    return f"{name} >" if segment.to == "server" else f"< {name}"


def play(recipe: Recipe) -> Capture:
    """Play a scene and return its capture; CannotRecord where its frames are not the recipe's."""
    for _ in range(ATTEMPTS):
        with Wire() as wire:
            recipe.scene(wire)
            wire.stop()
        capture = wire.captured[recipe.place]
        differs = difference(recipe, segments_of(capture))
        if differs is None:
            return capture
    raise CannotRecord(differs)


def difference(recipe: Recipe, segments: list[Segment]) -> str | None:
    """What a recording's frames are and ought to be; None where they are the recipe's, connection by connection."""
    if recipe.lanes:
        of_port = {lane.client_port: [each for each in segments if each.client_port == lane.client_port]
                   for lane in recipe.lanes}  # fmt: skip
        found = (difference(lane.recipe, of_port[lane.client_port]) for lane in recipe.lanes)
        return next((differs for differs in found if differs), None)
    expected = [frame for frame, _ in recipe.frames]
    seen = [word(segment) for segment in segments]
    if seen == expected:
        return None
    return f"{recipe.name}: expected {'; '.join(expected)}\n{' ' * len(recipe.name)}  recorded {'; '.join(seen)}"


def readme(recipe: Recipe, capture: Capture) -> str:
    """Describe a capture frame by frame; SEQ and ACK count from the first number seen, as in Wireshark."""
    if recipe.lanes:
        return with_end(recipe, capture, connections(recipe, capture))
    rows = []
    base: dict[str, int] = {}
    for number, ((time_ns, _), segment) in enumerate(zip(capture, segments_of(capture), strict=True), 1):
        sender, receiver = ("client", "server") if segment.to == "server" else ("server", "client")
        base.setdefault(sender, segment.seq)
        if "ACK" in segment.flag_names:
            base.setdefault(receiver, segment.ack)
        seq = (segment.seq - base[sender]) % 2**32
        ack = str((segment.ack - base[receiver]) % 2**32) if "ACK" in segment.flag_names else ""
        sent, proof = recipe.frames[number - 1]
        milliseconds = (time_ns - capture[0][0]) / 1e6
        rows.append(f"| {number} | {milliseconds:.1f} | `{sent}` | {seq} | {ack} | {segment.length} | {proof} |\n")
    return with_end(
        recipe,
        capture,
        "| frame | ms | segment | SEQ | ACK | bytes | what it proves |\n|--:|--:|---|--:|--:|--:|---|\n"
        f"{''.join(rows)}\n"
        "`>` is from the client to the server. SEQ and ACK are relative, as Wireshark shows them.\n\n",
    )


def connections(recipe: Recipe, capture: Capture) -> str:
    """Describe a capture connection by connection, in the order of their first frames."""
    numbers: dict[int, list[int]] = {}
    for number, segment in enumerate(segments_of(capture), 1):
        numbers.setdefault(segment.client_port, []).append(number)
    lane_of = {lane.client_port: lane for lane in recipe.lanes}
    rows = "".join(
        f"| {id} | {port} | {lane_of[port].server_port} | {frames[0]} | {len(frames)} "
        f"| [{lane_of[port].recipe.name}](../{lane_of[port].recipe.name}/README.md) |\n"
        for id, (port, frames) in enumerate(numbers.items())
    )
    head = "| connection | client's port | server's port | first frame | frames | is |\n|--:|--:|--:|--:|--:|---|\n"
    return f"{head}{rows}\n"


def with_end(recipe: Recipe, capture: Capture, table: str) -> str:
    """The whole README.md: what it shows, the table, and how it was recorded."""
    release = platform.release().split("-")[0]
    return (
        f"# {recipe.name}\n\n{recipe.shows}\n\n{table}"
        f"capture.pcap: {len(capture)} frames, recorded at the {recipe.place}'s end between two real sockets "
        f"on Linux {release}, {ONE_WAY * 1000:.0f} ms apart each way.\n"
        f"Record it again: `sudo make samples ONLY={recipe.name}`\n"
    )


def index() -> str:
    """List the samples, for sample_pcaps/README.md."""
    rows = "".join(f"| [{recipe.name}]({recipe.name}/README.md) | {recipe.shows} |\n" for recipe in RECIPES)
    return (
        "# Sample captures\n\n"
        "Each folder holds a capture, a README.md that says, frame by frame, what it proves, and an expect.toml that "
        "`handshake-inspect check sample_pcaps` judges it by. Look at them in this order.\n\n"
        f"| sample | what it shows |\n|---|---|\n{rows}\n"
        "All of it was recorded between real sockets by `sudo make samples`; the addresses are those reserved for "
        "documentation.\n"
    )


def record(recipe: Recipe, into: Path) -> None:
    """Record one sample into its folder below `into`."""
    capture = play(recipe)
    folder = into / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    write_pcap(folder / "capture.pcap", capture)
    (folder / "README.md").write_text(readme(recipe, capture))
    print(f"{recipe.name}: {len(capture)} frames")


def give_to_caller(into: Path) -> None:
    """Under sudo, hand what was written to the user who called it."""
    if "SUDO_UID" in os.environ:
        for path in (into, *into.rglob("*")):
            os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def main() -> int:
    """Record the samples that the command line names, or all."""
    recipes = {recipe.name: recipe for recipe in RECIPES}
    parser = argparse.ArgumentParser(description="Record sample captures between real sockets (Linux, root).")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(recipes)}; all without a name")
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER", help="where the folders go")
    options = parser.parse_args()
    if unknown := set(options.names) - set(recipes):
        parser.error(f"no such sample: {', '.join(sorted(unknown))}; there are {', '.join(recipes)}")
    # A plain `kill` must take the namespaces away as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        for name in options.names or recipes:
            record(recipes[name], options.into)
    except CannotRecord as reason:
        print(f"record.py: {reason}", file=sys.stderr)
        return 1
    (options.into / "README.md").write_text(index())
    give_to_caller(options.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
