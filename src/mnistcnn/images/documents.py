"""Pages of a picture: TIFF files and PDF documents may have several."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from PIL import Image

from mnistcnn.images.content import is_file_like, read_content, source_name
from mnistcnn.images.decoder_process import DecoderProcess
from mnistcnn.images.image_formats.parse import find_pages, has_known_signature
from mnistcnn.images.image_io import ImageLike, LoadedImage, decode_content, read_image
from mnistcnn.utils.environment import require_extra
from mnistcnn.utils.validation import check_int

_PDF = re.compile(rb".{0,1019}%PDF-", re.DOTALL)  # as PDFium finds it
_HEIC = re.compile(rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)


class Document(ABC):
    """The pages of a picture."""

    num_pages: int = 1

    @abstractmethod
    def read(self, page: int) -> LoadedImage:
        """Return a page by its number, which is valid. Each page may be read once."""


class _Picture(Document):
    """Pixels, or an open image, whose current frame is read."""

    def __init__(self, picture: Any) -> None:
        self._picture = picture

    def read(self, page: int) -> LoadedImage:  # noqa: ARG002  # there is one
        return read_image(self._picture)


class _ImageFile(Document):
    """An image file, of several pages if it is a TIFF file."""

    def __init__(self, name: str, content: bytes) -> None:
        self._name, self._contents = name, [content]
        self._offsets = find_pages(name, content)
        self.num_pages = len(self._offsets) or 1

    def read(self, page: int) -> LoadedImage:
        if not self._offsets:
            return decode_content(self._name, self._contents)  # which releases the content
        name = f"{self._name}, page {page}"
        return decode_content(name, list(self._contents), self._offsets[page - 1])


class _DecodedFile(Document):
    """A file that another process decodes."""

    def __init__(self, process: DecoderProcess) -> None:
        self._process, self.num_pages = process, process.num_pages

    def read(self, page: int) -> LoadedImage:
        return self._process.read(page)


@contextmanager
def open_document(picture: ImageLike) -> Iterator[Document]:
    """Open a picture, to read its pages.

    Parameters
    ----------
    picture
        As `read_image` takes it, or a PDF or HEIC file in the same forms.

    Raises
    ------
    ModuleNotFoundError
        If the extra for the format is not installed.
    TypeError, ValueError, OSError
        As `read_image`.
    """
    if isinstance(picture, Image.Image | LoadedImage) or not is_file_like(picture):
        yield _Picture(picture)
        return
    name, content = source_name(picture), read_content(picture)
    file_format = _extra_format(content)
    if file_format is None:
        document = _ImageFile(name, content)
        del content
        yield document
        return
    module, extra = ("pypdfium2", "pdf") if file_format == "PDF" else ("pillow_heif", "heif")
    require_extra(f"reading {file_format} files", module, extra)
    process = DecoderProcess(name, content, file_format)
    del content
    try:
        yield _DecodedFile(process)
    finally:
        process.close()


def load_page(picture: ImageLike, page: int | None = None) -> LoadedImage:
    """Return a page of a picture by its number from 1; None if there must be one page only.

    Raises
    ------
    TypeError, ValueError
        If there is no such page, or several and `page` is None; and as `open_document`.
    """
    if isinstance(picture, LoadedImage) and page in (None, picture.page):
        return picture
    if page is not None:
        page = check_int("page", page, minimum=1)
    with open_document(picture) as document:
        if page is None and document.num_pages > 1:
            raise ValueError(
                f"{source_name(picture)} must have one page; it has {document.num_pages:,}: choose "
                "one with page=..., or read all of them with read_pages"
            )
        page = 1 if page is None else page
        check_page(page, document.num_pages)
        return replace(document.read(page), page=page)


def check_page(page: int, num_pages: int) -> None:
    """Raise ``ValueError`` if a document of `num_pages` has no page of this number."""
    if page > num_pages:
        raise ValueError(f"page must be at most {num_pages:,}, the last page; received {page:,}")


def _extra_format(content: bytes) -> Literal["HEIC", "PDF"] | None:
    if has_known_signature(content):
        return None
    if _HEIC.match(content):
        return "HEIC"
    return "PDF" if _PDF.match(content) else None
