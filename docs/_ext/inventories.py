"""Links into other projects' documentation, without asking a network for their inventories.

``docs/inventories`` holds a small text for each project: its address, then the names that our
pages use, as our signatures write them, with their places in it. From each a file is made in
the format that Sphinx' own ``intersphinx`` reads.
"""

import zlib
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "inventories"
HEAD = "# Sphinx inventory version 2\n# Project: {}\n# Version: \n# zlib compressed from here on\n"


def entries_of(source: Path) -> tuple[str, dict[str, str]]:
    """Return a project's address and, by name, the places in it."""
    address, *lines = source.read_text(encoding="utf-8").splitlines()
    return address.removeprefix("# "), dict(line.split() for line in lines)


def written(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories into a folder, and return what ``intersphinx_mapping`` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for source in sorted(SOURCES.glob("*.txt")):
        address, places = entries_of(source)
        lines = [f"{name} py:class 1 {place} -\n" for name, place in places.items()]
        path = folder / f"{source.stem}.inv"
        head = HEAD.format(source.stem).encode()
        path.write_bytes(head + zlib.compress("".join(lines).encode()))
        mapping[source.stem] = (address, str(path))
    return mapping
