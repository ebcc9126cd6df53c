"""Check that no page fetches anything from another host, so that it works offline."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

# The attribute of each element that browsers fetch.
_FETCHED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
# Browsers fetch links with these relations; they do not fetch others, such as "canonical".
_FETCHED_RELATIONS = {"icon", "manifest", "modulepreload", "prefetch", "preload", "stylesheet"}
_EXTERNAL = re.compile(r"(?:https?:)?//")
_EXTERNAL_IN_CSS = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        url = attributes.get(_FETCHED.get(tag, ""))
        if tag == "link" and _FETCHED_RELATIONS & set((attributes.get("rel") or "").split()):
            url = attributes.get("href")
        if url and _EXTERNAL.match(url):
            self.urls.append(url)
        self.urls += _EXTERNAL_IN_CSS.findall(attributes.get("style") or "")


def external_urls(text: str, *, kind: str) -> list[str]:
    """Return the external URLs that a page (``"html"``) or a style sheet (``"css"``) fetches."""
    if kind == "css":
        return _EXTERNAL_IN_CSS.findall(text)
    parser = _PageParser()
    parser.feed(text)
    return parser.urls


def _check_pages(app: Any, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    from sphinx.util import logging

    logger = logging.getLogger(__name__)
    for kind in ("html", "css"):
        for path in sorted(Path(app.outdir).rglob(f"*.{kind}")):
            for url in external_urls(path.read_text(encoding="utf-8"), kind=kind):
                logger.warning("%s fetches %s", path.relative_to(app.outdir), url)


def setup(app: Any) -> dict[str, bool]:
    """Check all pages after the build."""
    app.connect("build-finished", _check_pages)
    return {"parallel_read_safe": True}
