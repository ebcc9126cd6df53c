"""Completes the metadata of mnistcnn: the addresses of the project and the page of the index.

Both follow from ``repository`` in ``[tool.mnistcnn]`` of ``pyproject.toml``. A package index shows
README.md without the files that it links to, so relative links become links to the repository, at
the tag of the version. Where there is no public repository, the text of the links remains.
``slim/hatch_build.py`` uses this file too.
"""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#|/)([^)\s]+)\)")


def repository_of(settings: dict[str, Any]) -> str:
    """Return the address of the repository, or "" if none is public, from ``pyproject.toml``."""
    repository: str = settings["tool"]["mnistcnn"]["repository"]
    if repository and (not repository.startswith("https://") or repository.endswith(("/", ".git"))):
        raise ValueError(
            "repository in [tool.mnistcnn] must start with https:// and end with the name of the "
            f"repository; received {repository!r}"
        )
    return repository


def project_urls(repository: str) -> dict[str, str]:
    """Return ``project.urls``."""
    if not repository:
        return {}
    urls = {
        "Homepage": repository,
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
    }
    address = urlsplit(repository)
    if address.netloc == "github.com":  # .github/workflows/docs.yml publishes them there
        owner, name = address.path.strip("/").split("/")
        urls["Documentation"] = f"https://{owner}.github.io/{name}"
    return urls


def absolute_links(text: str, repository: str, version: str) -> str:
    """Return Markdown without relative links and images."""

    def replace(match: re.Match[str]) -> str:
        image, label, path = match.groups()
        if not repository:
            return "" if image else label
        return f"{image}[{label}]({repository}/{'raw' if image else 'blob'}/v{version}/{path})"

    return re.sub(r"\n{3,}", "\n\n", _RELATIVE_LINK.sub(replace, text))


def package_version(package: Path) -> str:
    """Return the version that the package states."""
    text = (package / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if match is None:
        raise ValueError(f"{package} must state its __version__; it does not")
    return match[1]


class CustomMetadataHook(MetadataHookInterface):
    """Adds ``urls`` and ``readme``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields to the project table."""
        root = Path(self.root)
        settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        repository = repository_of(settings)
        text = (root / "README.md").read_text(encoding="utf-8")
        version = package_version(root / "src/mnistcnn")
        metadata["urls"] = project_urls(repository)
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute_links(text, repository, version),
        }
