"""Links to the documentation of other projects, without downloading their inventories.

``docs/inventories`` holds a text file per project: its address, then the names that the
documentation links to, as signatures write them, with their locations. Each is converted to the
format of ``sphinx.ext.intersphinx``.
"""

import zlib
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "inventories"
HEADER = (
    "# Sphinx inventory version 2\n# Project: {}\n# Version: \n# zlib compressed from here on\n"
)


def read_inventory(source: Path) -> tuple[str, dict[str, str]]:
    """Return the address of a project and the location of each name."""
    address, *lines = source.read_text(encoding="utf-8").splitlines()
    return address.removeprefix("# "), dict(line.split() for line in lines)


def write_inventories(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories to a folder and return the ``intersphinx_mapping``."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for source in sorted(SOURCES.glob("*.txt")):
        address, locations = read_inventory(source)
        lines = [f"{name} py:class 1 {location} -\n" for name, location in locations.items()]
        path = folder / f"{source.stem}.inv"
        header = HEADER.format(source.stem).encode()
        path.write_bytes(header + zlib.compress("".join(lines).encode()))
        mapping[source.stem] = (address, str(path))
    return mapping
