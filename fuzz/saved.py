"""The inputs that were worth keeping: what a campaign found, one archive a target, each input named by its SHA-1.

fuzz/saved.py unpack FOLDER          every target's inputs, each target in a folder of its own
fuzz/saved.py pack TARGET FOLDER     replaces a target's archive by the files of a folder (of at most MOST bytes)
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "saved"
MOST = 6_000
EPOCH = (1980, 1, 1, 0, 0, 0)


def inputs(target: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each saved input of a target."""
    with zipfile.ZipFile(FOLDER / f"{target}.zip") as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def unpack(folder: Path) -> None:
    for archive in sorted(FOLDER.glob("*.zip")):
        target = folder / archive.stem
        target.mkdir(parents=True, exist_ok=True)
        for name, data in inputs(archive.stem):
            (target / name).write_bytes(data)


def pack(target: str, folder: Path) -> None:
    """The same files make the same archive."""
    FOLDER.mkdir(exist_ok=True)
    kept = {path.read_bytes() for path in folder.iterdir() if path.is_file() and path.stat().st_size <= MOST}
    with zipfile.ZipFile(FOLDER / f"{target}.zip", "w") as archive:
        for name, data in sorted((hashlib.sha1(data).hexdigest(), data) for data in kept):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED, 9)
    print(f"{target}: {len(kept)} inputs, {(FOLDER / f'{target}.zip').stat().st_size:,} bytes")


if __name__ == "__main__":
    if sys.argv[1] == "unpack":
        unpack(Path(sys.argv[2]))
    else:
        pack(sys.argv[2], Path(sys.argv[3]))
