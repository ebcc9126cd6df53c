"""A target of the fuzzer: a file format, how the package reads it, and what may come of it."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnistcnn import CorruptFileError

MAX_CPU_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class FuzzTarget:
    """One way in which the package reads a format.

    Parameters
    ----------
    name, format : str
        Name of the target, and the format under which it is counted.
    seeds : tuple of bytes
        Valid contents, to be mutated.
    write : callable
        Writes a content to an empty folder and returns the path to read; updates checksums and
        digests in it, so that the mutation reaches the code behind them.
    read : callable
        Reads that path, and raises an error if the result is invalid.
    expected_errors : tuple of type
        Errors that the documentation names for this format.
    max_cpu_seconds : float
        CPU time after which a case is too slow.
    share : float
        Its part of the time of the fuzzer, relative to the others.
    """

    name: str
    format: str
    seeds: tuple[bytes, ...]
    write: Callable[[Path, bytes], Path]
    read: Callable[[Path], object]
    expected_errors: tuple[type[Exception], ...] = (CorruptFileError,)
    max_cpu_seconds: float = MAX_CPU_SECONDS
    share: float = 1


def as_file(name: str) -> Callable[[Path, bytes], Path]:
    """Return a writer of a file with this name."""

    def write(folder: Path, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a zip archive and return its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def run_target(target: FuzzTarget, content: bytes, folder: Path) -> str:
    """Read a content in an empty folder, and return ``"read"`` or ``"rejected"``.

    Any other error is raised; a warning or a new file in the folder counts as one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = target.write(folder, content)
    before = sorted(folder.rglob("*"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target.read(path)
    except target.expected_errors:
        return "rejected"
    finally:
        assert sorted(folder.rglob("*")) == before
    return "read"
