"""No page may fetch anything from elsewhere: it must look the same without a network."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

FETCHED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
# Other links, such as the canonical address, are only told, not fetched.
KINDS = {"icon", "manifest", "modulepreload", "prefetch", "preload", "stylesheet"}
ELSEWHERE = re.compile(r"(?:https?:)?//")
STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(FETCHED.get(tag, ""))
        if tag == "link" and KINDS & set((given.get("rel") or "").split()):
            address = given.get("href")
        if address and ELSEWHERE.match(address):
            self.addresses.append(address)
        self.addresses += STYLE.findall(given.get("style") or "")


def foreign(text: str, *, kind: str) -> list[str]:
    """Return the addresses elsewhere that a page (``"html"``) or a style (``"css"``) fetches."""
    if kind == "css":
        return STYLE.findall(text)
    page = _Page()
    page.feed(text)
    return page.addresses


def _check(app: Any, failure: Exception | None) -> None:
    if failure or app.builder.format != "html":
        return
    from sphinx.util import logging

    logger = logging.getLogger(__name__)
    for kind in ("html", "css"):
        for path in sorted(Path(app.outdir).rglob(f"*.{kind}")):
            for address in foreign(path.read_text(encoding="utf-8"), kind=kind):
                logger.warning("%s fetches %s", path.relative_to(app.outdir), address)


def setup(app: Any) -> dict[str, bool]:
    """Look at all pages once they are written."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
