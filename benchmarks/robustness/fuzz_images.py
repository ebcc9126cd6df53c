"""Fuzz targets for the pictures that `Recognizer.read` reads: images, PDF documents and HEIC."""

from __future__ import annotations

import base64
import functools
import io
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import mnistcnn
from benchmarks.robustness.fuzz_target import FuzzTarget, as_file
from mnistcnn import CorruptFileError
from mnistcnn.images.content import is_data_url
from mnistcnn.images.decoder_process import MAX_DECODER_SECONDS
from mnistcnn.images.documents import open_document
from mnistcnn.images.image_io import LoadedImage
from mnistcnn.sheets.layout import BOX_SIZE, layout_of

_MAX_PIXELS_TO_READ = 10_000
_FORM_SIZE = (620, 877)
_SHARE = 4  # of a target whose cases take long
_SIZE_RULE = re.compile(
    "must (hold at (most 50 megapixels|least one pixel)|have sides of at most 30,000 pixels|"
    "take at most 320 MB of memory to decode); "
)


def image_targets() -> Iterator[FuzzTarget]:
    """Yield a target for each image format."""
    rng = np.random.default_rng(0)
    gray = Image.fromarray(rng.integers(0, 256, (12, 9), np.uint8))
    color = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    alpha = Image.fromarray(rng.integers(0, 256, (9, 12, 4), np.uint8))
    palette, bits, uint16 = color.quantize(8), gray.convert("1"), gray.convert("I;16")
    frames = {"save_all": True, "append_images": [color.rotate(180)]}
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    text = b"<metadata/>" * 9
    metadata = {"exif": exif, "icc_profile": text, "xmp": text, "comment": text}
    images_by_format: Mapping[str, list[tuple[Any, dict[str, Any]]]] = {
        "PNG": [
            (gray, {}), (alpha, {}), (palette, {"transparency": 1}), (uint16, {}), (bits, {}),
            (color, metadata), (color, frames),
        ],
        "JPEG": [
            (gray, {}), (color, {"progressive": True}), (color.convert("CMYK"), {}),
            (color, metadata), (color, {"restart_marker_blocks": 1}),
        ],
        "MPO": [(color, frames)],
        "GIF": [(color, {}), (color, frames), (palette, {"comment": text, "transparency": 1})],
        "TIFF": [
            (gray, {}), (color, {"compression": "tiff_lzw"}), (gray.convert("F"), {}),
            (color, {"compression": "jpeg"}), (color, {"compression": "tiff_adobe_deflate"}),
            (bits, {"compression": "group4"}), (bits, {"compression": "group3"}),
            (uint16, {"compression": "packbits"}), (palette, metadata), (color, frames),
            (alpha, {"compression": "tiff_lzw", "tiffinfo": {317: 2, 278: 1}}),
            (color.convert("YCbCr"), {"compression": "jpeg"}),
        ],
        "BMP": [(color, {}), (palette, {}), (bits, {}), (alpha, {})],
        "WEBP": [(color, metadata), (alpha, {}), (alpha, {"lossless": True}), (color, frames)],
        "PPM": [(color, {}), (gray, {}), (bits, {}), (gray.convert("I"), {})],
    }  # fmt: skip
    Image.init()
    for name, images in images_by_format.items():
        if name in Image.SAVE:
            seeds = tuple(_encode(image, name, **options) for image, options in images)
            target = FuzzTarget(
                name=name,
                format="JPEG" if name == "MPO" else name,
                seeds=seeds,
                write=as_file(f"a.{name.lower()}"),
                read=_read_picture,
                expected_errors=(CorruptFileError, ValueError),
            )
            yield target
            if name == "PNG":
                yield replace(target, name="PNG with valid checksums", write=_write_png)


def further_image_targets() -> Iterator[FuzzTarget]:
    """Yield images in a data URL, and photos of filled-in forms."""
    gray = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 9), np.uint8))
    url = f"data:image/png;base64,{base64.b64encode(_encode(gray, 'PNG')).decode()}"
    yield FuzzTarget(
        name="data URL",
        format="data URL",
        seeds=(url.encode(), url.replace("+", "%2B").replace("=", "%3d").encode()),
        write=as_file("url.txt"),
        read=_read_data_url,
        expected_errors=(CorruptFileError, ValueError),
    )
    yield FuzzTarget(
        name="photo of a form",
        format="PPM",
        seeds=(filled_form(),),
        write=as_file("form.ppm"),
        read=_read_form,
        expected_errors=(ValueError,),
        share=_SHARE,
    )


def _read_data_url(path: Path) -> None:
    url = path.read_bytes().decode(errors="replace")
    with open_document(url if is_data_url(url) else f"data:{url}") as document:
        _check_image(document.read(1))


def filled_form() -> bytes:
    """Return a picture of a form with a stroke in each box."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "form.png")
        mnistcnn.write_sheet(path)
        with Image.open(path) as file:
            page = file.convert("L")
    layout = layout_of("a4")
    scale = page.width / layout.width
    draw = ImageDraw.Draw(page)
    for left, top in (scale * layout.box_origins()).tolist():
        middle = left + scale * BOX_SIZE / 2
        draw.line((middle, top + 3 * scale, middle, top + 9 * scale), 0, round(0.7 * scale))
    page.thumbnail(_FORM_SIZE)
    return _encode(page, "PPM")


def _read_form(path: Path) -> None:
    reading = mnistcnn.read_sheet(path)
    assert reading.images.dtype == np.uint8
    assert reading.images.shape == (len(reading.labels), 28, 28)


def document_targets() -> Iterator[FuzzTarget]:
    """Yield a target for each format that is decoded in a process of its own.

    Each case starts a process, so that there are fewer of them. Packages of extras that are not
    installed are left out.
    """
    color = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    pages = [color.rotate(90, expand=True), color.convert("L"), color.convert("1")]
    contents = {}
    if find_spec("pypdfium2"):
        several = _encode(color, "PDF", save_all=True, append_images=pages)
        contents["PDF"] = (_encode(color.convert("L"), "PDF"), several, _text_pdf())
    if find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
        images = (color, color.convert("L"), color.convert("RGBA"))
        contents["HEIC"] = tuple(_encode(image, "HEIF", quality=80) for image in images)
    for name, seeds in contents.items():
        yield FuzzTarget(
            name=name,
            format=name,
            seeds=seeds,
            write=as_file(f"a.{name.lower()}"),
            read=_read_picture,
            expected_errors=(CorruptFileError, ValueError),
            # A document may take this long for opening it, and for each of up to four pages.
            max_cpu_seconds=5 * MAX_DECODER_SECONDS,
            share=_SHARE,
        )


def _text_pdf() -> bytes:
    """Return a document of text and lines in a font, with a compressed stream and a form."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5, 1))
    figure.text(0.1, 0.5, "0123 4567")
    figure.add_axes((0.1, 0.1, 0.5, 0.3)).plot([0, 1], [1, 0], marker="o")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def _write_png(folder: Path, content: bytes) -> Path:
    """Write a PNG file with valid chunk checksums, so that the mutation reaches the decoder."""
    chunks, start = [content[:8]], 8
    while start + 12 <= len(content):
        length = int.from_bytes(content[start : start + 4], "big")
        checked = content[start + 4 : start + 8 + length]
        chunks += [content[start : start + 4], checked, zlib.crc32(checked).to_bytes(4, "big")]
        start += 12 + length
    return as_file("a.png")(folder, b"".join([*chunks, content[start:]]))


def _read_picture(path: Path) -> None:
    try:
        with open_document(path) as document:
            for page in range(1, document.num_pages + 1):
                _check_image(document.read(page))
    except CorruptFileError:
        raise
    except ValueError as error:
        if not _SIZE_RULE.search(str(error)):
            raise RuntimeError("unexpected error message") from error
        raise


def _check_image(image: LoadedImage) -> None:
    brightness = image.brightness
    assert brightness.dtype == np.float32
    assert brightness.size
    assert 0 <= brightness.min() <= brightness.max() <= 1
    if brightness.size <= _MAX_PIXELS_TO_READ:  # mutations can result in many megapixels
        assert isinstance(_recognizer().read(image), mnistcnn.Reading)


@functools.cache
def _recognizer() -> mnistcnn.Recognizer:
    return mnistcnn.Recognizer(num_threads=1)


def _encode(image: Image.Image, name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    # Copies, since saving in one format may change attributes that another one uses.
    further = [frame.copy() for frame in options.pop("append_images", [])]
    image.copy().save(buffer, name, append_images=further, **options)
    return buffer.getvalue()
