"""The pages that ``mnistcnn read`` reads, and the files that their boxes are written to."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mnistcnn.utils.text import escape, quote

if TYPE_CHECKING:
    from mnistcnn.images.documents import Document
    from mnistcnn.images.image_io import LoadedImage

_MAX_PAGES = 10_000
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_BOXES_SUFFIXES = (".png", ".jpg", ".jpeg", ".svg", ".pdf")
_DATA_STEM = "image"  # of the file with the boxes of a data URL


def parse_pages(text: str) -> list[int]:
    """Return the numbers in a text such as ``1,3-5``."""
    pages: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= _MAX_PAGES:
            raise argparse.ArgumentTypeError(
                f"must be numbers of pages such as 1,3-5, up to {_MAX_PAGES:,}; "
                f"received {quote(text)}"
            )
        pages += range(first, last + 1)
    return list(dict.fromkeys(pages))


@dataclass
class Page:
    """A page of a picture, or the reason why the picture has none.

    Parameters
    ----------
    number : int or None
        From 1; None if the picture could not be opened.
    num_pages : int
        Number of pages of the picture.
    document : Document or None
        What the page is read from.
    error : Exception, optional
        The reason.
    """

    number: int | None
    num_pages: int
    document: Document | None
    error: Exception | None = None

    def load(self) -> LoadedImage:
        """Return the image of the page."""
        from mnistcnn.images.documents import check_page

        if self.error is not None:
            raise self.error
        assert self.document
        assert self.number
        check_page(self.number, self.num_pages)
        return replace(self.document.read(self.number), page=self.number)


def iter_pages(picture: Path | str, pages: Sequence[int] | None) -> Iterator[Page]:
    """Yield the pages of a picture, or one page with the error if it can't be opened."""
    from mnistcnn.images.documents import open_document

    opened = open_document(picture)
    try:
        document = opened.__enter__()
    except (ModuleNotFoundError, OSError, ValueError) as error:
        yield Page(None, 1, None, error)
        return
    try:
        for number in range(1, document.num_pages + 1) if pages is None else pages:
            yield Page(number, document.num_pages, document)
    finally:
        opened.__exit__(None, None, None)


class BoxPaths:
    """The files of ``--boxes``.

    Parameters
    ----------
    target : Path or None
        A file for one page, or a folder for several.
    pictures : sequence
        The pictures to come.

    Raises
    ------
    ValueError
        If the target is a file for several pictures, or two pictures have the same name.
    """

    def __init__(self, target: Path | None, pictures: Sequence[Path | str]) -> None:
        self._target = target
        self._written: set[Path] = set()
        self.is_named = False
        # The files that are written unless a picture has several pages.
        self.known: list[Path] = []
        if target is None:
            return
        if len(pictures) == 1 and not target.is_dir():
            self.is_named = True
            # Of several pages, the target is a folder, which is known when the picture is open.
            if target.suffix:
                from mnistcnn.utils.validation import check_path

                check_path("--boxes", target, suffixes=_BOXES_SUFFIXES)
            self.known = [target]
            return
        if _is_file_name(target):
            raise ValueError(
                f"--boxes must be a folder for several images; received {escape(target)}"
            )
        self.known = [target / f"{_stem(picture)}-boxes.png" for picture in pictures]
        if len(set(self.known)) < len(self.known):
            raise ValueError(
                "--boxes names its files after the images; received several images of one name"
            )

    def path(self, picture: Path | str, page: Page) -> Path:
        """Return the file for a page."""
        assert self._target
        if page.num_pages == 1:
            if self.is_named:
                from mnistcnn.utils.validation import check_path

                return check_path("--boxes", self.known[0], suffixes=_BOXES_SUFFIXES)
            return self._unique(f"{_stem(picture)}-boxes.png")
        if _is_file_name(self._target):
            raise ValueError(
                f"--boxes must be a folder for several pages; received {escape(self._target)}"
            )
        return self._unique(f"{_stem(picture)}-page-{page.number}-boxes.png")

    def _unique(self, name: str) -> Path:
        assert self._target
        path = self._target / name
        if path in self._written:
            raise ValueError(
                f"--boxes must not replace {escape(path)}, which has just been written"
            )
        self._written.add(path)
        return path


def _is_file_name(target: Path) -> bool:
    return target.is_file() or bool(target.suffix and not target.is_dir())


def _stem(picture: Path | str) -> str:
    return picture.stem if isinstance(picture, Path) else _DATA_STEM
