"""The check that one version of the package is installed, at its import; imports nothing large."""

from __future__ import annotations

import os

_NAMES = {"mnistcnn": "mnistcnn", "mnistcnn_slim": "mnistcnn-slim"}
_SUFFIX = ".dist-info"


def check_single_version(package: str) -> None:
    """Raise ``ImportError`` if two versions of the package lie in the same files.

    The distributions ``mnistcnn`` and ``mnistcnn-slim`` install the same files. Of the same
    version, they are equal; of two versions, the later installation overwrote the earlier one
    in part.

    Parameters
    ----------
    package : str
        The folder of the package.
    """
    try:
        entries = os.listdir(os.path.dirname(package))  # noqa: PTH120, PTH208  # no pathlib yet
    except OSError:  # in a zip archive
        return
    versions = {}
    for entry in entries:
        if entry.endswith(_SUFFIX):
            name, _, version = entry[: -len(_SUFFIX)].partition("-")
            if name in _NAMES:
                versions[_NAMES[name]] = version
    if len(set(versions.values())) > 1:
        both = " and ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        raise ImportError(
            f"mnistcnn must be installed in one version; received {both}, which share their "
            "files: pip uninstall mnistcnn mnistcnn-slim, then pip install one of them"
        )
