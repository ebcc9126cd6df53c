"""Builds mnistcnn-slim from the sources and the metadata of mnistcnn.

``[tool.mnistcnn.slim]`` in the ``pyproject.toml`` of mnistcnn names the dependencies and extras;
versions are written there once, for both distributions. In a clone, the sources lie in the parent
folder, in a source distribution in the folder ``mnistcnn``.
"""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_IN_SDIST = "mnistcnn"
_PACKAGE, _SETTINGS, _SHARED = "src/mnistcnn", "pyproject.toml", "hatch_build.py"
# Equal in both distributions.
_COPIED = ("requires-python", "authors", "keywords", "classifiers", "scripts")


def _sources(root: str) -> Path:
    """Return the folder that holds ``pyproject.toml`` and ``src`` of mnistcnn."""
    unpacked = Path(root, _IN_SDIST)
    return unpacked if unpacked.is_dir() else Path(root).parent


def _project_name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _shared(sources: Path) -> dict[str, Any]:
    """Return what hatch_build.py of mnistcnn defines."""
    return runpy.run_path(str(sources / _SHARED))


def slim_metadata(sources: Path) -> dict[str, Any]:
    """Return the fields of the project table that both distributions share."""
    shared = _shared(sources)
    content = tomllib.loads((sources / _SETTINGS).read_text(encoding="utf-8"))
    project, slim = content["project"], content["tool"]["mnistcnn"]["slim"]
    requirements = {_project_name(text): text for text in project["dependencies"]}
    extras = project["optional-dependencies"]
    return {
        "version": shared["package_version"](sources / _PACKAGE),
        "urls": shared["project_urls"](shared["repository_of"](content)),
        **{name: project[name] for name in _COPIED},
        "dependencies": [requirements[name] for name in slim["dependencies"]],
        "optional-dependencies": {name: extras[name] for name in slim["extras"]},
    }


class SlimMetadataHook(MetadataHookInterface):
    """Adds the metadata that both distributions share."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields to the project table."""
        metadata.update(slim_metadata(_sources(self.root)))


class SlimBuildHook(BuildHookInterface[Any]):
    """Adds the sources: the package to the wheel, and what it is built from to the sdist."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Select the files."""
        sources = _sources(self.root)
        package = sources / _PACKAGE
        files = {package: "mnistcnn"}
        if self.target_name == "sdist":
            files = {
                sources / name: f"{_IN_SDIST}/{name}" for name in (_PACKAGE, _SETTINGS, _SHARED)
            }
        build_data["force_include"].update({str(path): name for path, name in files.items()})
