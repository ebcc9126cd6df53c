"""Checks that every file names the same version; prints constraints of the lowest versions.

python -m tools.release.versions            # check
python -m tools.release.versions --lowest   # for pip install --constraint
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATTERNS = {
    "src/mnistcnn/__init__.py": r'^__version__ = "(.+)"$',
    # The first version that is not [Unreleased].
    "CHANGELOG.md": r"^## \[(\d.*)\] - \d{4}-\d\d-\d\d$",
    "CITATION.cff": r"^version: (.+)$",
}


def find_versions(root: Path = ROOT) -> dict[str, str]:
    """Return the version that each file names."""
    versions = {}
    for name, pattern in _PATTERNS.items():
        text = (root / name).read_text(encoding="utf-8")
        match = re.search(pattern, text, re.MULTILINE)
        if match is None:
            raise SystemExit(f"{name} must name a version; it has no line {pattern}")
        versions[name] = match[1]
    return versions


def check_versions(root: Path = ROOT) -> str:
    """Return the version of the release; exit if the files name different ones."""
    versions = find_versions(root)
    if len(set(versions.values())) > 1:
        listed = ", ".join(f"{name}: {version}" for name, version in versions.items())
        raise SystemExit(f"all files must name the same version; received {listed}")
    return versions["CITATION.cff"]


def check_repository(root: Path = ROOT) -> str:
    """Return the address of the repository; exit if the clone's remote ``origin`` has another.

    Without a public repository, and in a clone of a folder, it may be empty.
    """
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    repository: str = settings["tool"]["mnistcnn"]["repository"]
    result = subprocess.run(
        ["git", "remote", "get-url", "origin"],  # noqa: S607
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    address = re.sub(r"^git@([^:]+):", r"https://\1/", result.stdout.strip()).removesuffix(".git")
    if not result.returncode and address.startswith("https://") and address != repository:
        raise SystemExit(
            "repository in [tool.mnistcnn] of pyproject.toml must be the address of this "
            f"repository, {address}; received {repository!r}"
        )
    return repository


if __name__ == "__main__":
    check_repository()
    print(check_versions())
