"""Pages of TIFF files and PDF documents, and HEIC images, as programs write them."""

import io
import re
from functools import partial

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.images import documents
from mnistcnn.images.documents import load_page, open_document
from mnistcnn.images.image_formats import tiff
from mnistcnn.images.image_io import read_image
from mnistcnn.utils.requirements import MissingLibraryError

img2pdf = pytest.importorskip("img2pdf")
pillow_heif = pytest.importorskip("pillow_heif")

SIZE = 70, 50
# Of each page, the left part is darker than the right one.
LEVELS = [40, 100, 160]


def page_image(level):
    pixels = np.full((*SIZE[::-1], 3), 250, np.uint8)
    pixels[:, :40] = level
    return Image.fromarray(pixels)


PAGES = [page_image(level) for level in LEVELS]


def encode(image, file_format, **options):
    file = io.BytesIO()
    image.copy().save(file, file_format, **options)  # saving leaves settings in the image
    return file.getvalue()


def encode_pages(images, file_format, **options):
    rest = [image if hasattr(image, "is_tagged") else image.copy() for image in images[1:]]
    return encode(images[0], file_format, save_all=True, append_images=rest, **options)


def read_all(picture):
    with open_document(picture) as document:
        return [document.read(page) for page in range(1, document.num_pages + 1)]


def assert_levels(images, levels=LEVELS, *, atol=0.02):
    """The images have the sizes and the brightness of PAGES."""
    assert [(image.width, image.height) for image in images] == [SIZE] * len(levels)
    for image, level in zip(images, levels, strict=True):
        np.testing.assert_allclose(image.brightness[5:-5, 5:35], level / 255, atol=atol)
        np.testing.assert_allclose(image.brightness[5:-5, 45:-5], 250 / 255, atol=atol)


@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]
)
def test_pages_of_a_tiff_file(compression, tmp_path):
    content = encode_pages(PAGES, "TIFF", compression=compression)
    assert_levels(read_all(content))
    (tmp_path / "a.tif").write_bytes(content)
    assert_levels(read_all("a.tif"))
    assert_levels(read_all(io.BytesIO(content)))
    assert_levels([load_page("a.tif", page=3)], LEVELS[2:])
    assert load_page("a.tif", page=3).page == 3


def test_pages_of_a_fax():
    images = [Image.fromarray(np.asarray(page.convert("L")) > 128) for page in PAGES]
    content = encode_pages(images, "TIFF", compression="group4")
    assert_levels(read_all(content), [0, 0, 255], atol=0.03)


def test_pages_of_different_modes_and_sizes():
    images = [Image.new("1", (9, 5)), Image.new("RGBA", (20, 30)), Image.new("I;16", (6, 6))]
    found = read_all(encode_pages(images, "TIFF"))
    assert [(image.width, image.height) for image in found] == [(9, 5), (20, 30), (6, 6)]


@pytest.mark.parametrize("tag", [{254: 1}, {254: 4}, {255: 2}], ids=["reduced", "mask", "old"])
def test_thumbnails_and_masks_are_no_pages(tag):
    thumbnail = page_image(0)
    thumbnail.encoderinfo, thumbnail.is_tagged = {"tiffinfo": tag}, True
    assert_levels(read_all(encode_pages([PAGES[0], thumbnail, PAGES[1]], "TIFF")), LEVELS[:2])
    content = encode(PAGES[0], "TIFF", save_all=True, append_images=PAGES[1:2], tiffinfo=tag)
    assert len(read_all(content)) == 1  # both are thumbnails; the first one is read


def test_a_page_that_follows_itself_is_read_once():
    content = bytearray(encode_pages(PAGES[:2], "TIFF"))
    second = tiff.page_offsets(bytes(content))[1]
    (count,) = np.frombuffer(content[second : second + 2], "<u2")
    content[second + 2 + 12 * count : second + 6 + 12 * count] = np.uint32(second).tobytes()
    assert_levels(read_all(bytes(content)), LEVELS[:2])


def test_number_of_pages_is_limited(monkeypatch):
    content = encode_pages(PAGES, "TIFF")
    monkeypatch.setattr(tiff, "MAX_PAGES", 2)
    for function in (read_all, read_image):
        with pytest.raises(CorruptFileError) as caught:
            function(content)
        assert str(caught.value) == "picture must hold at most 2 pages; it holds more"


def test_memory_for_the_file_counts_if_there_are_several_pages():
    content = encode_pages(PAGES, "TIFF")
    offset = tiff.page_offsets(content)[0]
    alone, one_of_several = tiff.parse_tiff(content), tiff.parse_tiff(content, offset)
    assert one_of_several.decoder_bytes == alone.decoder_bytes + len(content)


def error_message(function, error):
    with pytest.raises(error) as caught:
        function()
    assert type(caught.value) is error
    return str(caught.value)


def test_one_of_several_pages_must_be_chosen(tmp_path):
    (tmp_path / "a.tif").write_bytes(encode_pages(PAGES, "TIFF"))
    assert error_message(lambda: load_page("a.tif"), ValueError) == (
        "a.tif must have one page; it has 3: choose one with page=..., or read all of them with "
        "read_pages"
    )
    # Where no page can be chosen.
    assert error_message(lambda: read_image("a.tif"), ValueError) == (
        "a.tif must have one page; it has 3"
    )


@pytest.mark.parametrize(
    ("page", "error", "message"),
    [
        (4, ValueError, "page must be at most 3, the last page; received 4"),
        (0, ValueError, "page must be at least 1; received 0"),
        (True, TypeError, "page must be an integer; received True"),
        ("1", TypeError, "page must be an integer; received '1'"),
    ],
)
def test_invalid_pages(page, error, message):
    content = encode_pages(PAGES, "TIFF")
    assert error_message(lambda: load_page(content, page), error) == message


def test_damaged_page_is_named():
    content = bytearray(encode_pages(PAGES, "TIFF", compression="tiff_adobe_deflate"))
    start = tiff.page_offsets(bytes(content))[1]
    content[start - 60 : start - 20] = bytes(40)
    with open_document(bytes(content)) as document:
        read_or_error = [
            error_message(partial(document.read, page), CorruptFileError)
            if page == 2
            else document.read(page)
            for page in (1, 2, 3)
        ]
    assert_levels([read_or_error[0], read_or_error[2]], LEVELS[::2])
    assert read_or_error[1].startswith("picture, page 2 must be an undamaged image; ")


def test_page_beyond_the_end_of_a_truncated_file_is_not_dropped_in_silence():
    content = encode_pages(PAGES, "TIFF")
    content = content[: tiff.page_offsets(content)[2] + 30]
    with open_document(content) as document:
        assert document.num_pages == 3
        document.read(2)
        message = error_message(lambda: document.read(3), CorruptFileError)
        assert message == "picture, page 3 must be an undamaged image; its header is incomplete"


def pdf_of_images(images=PAGES, file_format="PNG", **options):
    """Return a document as img2pdf writes it, of images at 200 pixels per inch."""
    layout = img2pdf.get_fixed_dpi_layout_fun((200, 200))
    contents = [encode(image, file_format, **options) for image in images]
    return img2pdf.convert(contents, layout_fun=layout)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pdf_of_images, id="img2pdf PNG"),
        pytest.param(lambda: pdf_of_images(file_format="JPEG", quality=95), id="img2pdf JPEG"),
        pytest.param(lambda: pdf_of_images(file_format="TIFF"), id="img2pdf TIFF"),
        pytest.param(lambda: encode_pages(PAGES, "PDF", resolution=200), id="Pillow"),
    ],
)
def test_pages_of_a_pdf_document(content, tmp_path):
    (tmp_path / "a.pdf").write_bytes(content())
    assert_levels(read_all("a.pdf"))
    page = load_page("a.pdf", page=2)
    assert page.page == 2
    assert_levels([page], LEVELS[1:2])
    assert error_message(lambda: load_page("a.pdf"), ValueError).startswith(
        "a.pdf must have one page; it has 3: "
    )


def test_pdf_document_of_a_fax():
    black = Image.fromarray(np.asarray(PAGES[0].convert("L")) > 128)
    content = pdf_of_images([black], "TIFF", compression="group4")
    assert_levels(read_all(content), [0], atol=0.03)


def test_pages_are_rendered_at_200_pixels_per_inch_and_4_megapixels_at_most():
    (image,) = read_all(encode(Image.new("L", (72, 144), 200), "PDF"))  # one inch
    assert (image.width, image.height) == (200, 400)
    (image,) = read_all(encode(Image.new("L", (4_000, 3_000), 200), "PDF"))
    assert (image.width, image.height) == pytest.approx((2_309, 1_732), abs=5)
    assert image.width * image.height <= 4_000_000


def test_rotated_page():
    content = pdf_of_images(PAGES[:1]).replace(b"/Type /Page\n", b"/Type /Page /Rotate 90\n")
    (image,) = read_all(content)
    assert (image.width, image.height) in {SIZE, SIZE[::-1]}


@pytest.mark.parametrize("extension", ["heic", "heif"])
def test_heic_image(extension, tmp_path):
    path = tmp_path / f"a.{extension}"
    pillow_heif.from_pillow(PAGES[0]).save(path, quality=95)
    assert_levels([load_page(path)], LEVELS[:1], atol=0.03)


def test_orientation_and_transparency_of_a_heic_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = PAGES[0]
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    file = io.BytesIO()
    pillow_heif.from_pillow(stored).save(file, quality=95, exif=exif.tobytes())
    assert_levels([load_page(file)], LEVELS[:1], atol=0.03)
    white_strokes = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    white_strokes.paste((255, 255, 255, 255), (20, 20, 40, 40))
    file = io.BytesIO()
    pillow_heif.from_pillow(white_strokes).save(file, quality=-1)
    brightness = load_page(file).brightness
    assert brightness[30, 30] == pytest.approx(1, abs=0.05)
    assert brightness[5, 5] == pytest.approx(0, abs=0.05)


def test_primary_image_of_a_heic_file():
    file = pillow_heif.from_pillow(PAGES[0])
    file.add_from_pillow(PAGES[1])
    content = io.BytesIO()
    file.save(content, quality=95, primary_index=1)
    assert_levels(read_all(content), LEVELS[1:2], atol=0.03)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7\n", "reading PDF files needs pypdfium2; pip install 'mnistcnn[pdf]'"),
        (b"\0\0\0\x18ftypheic", "reading HEIC files needs pillow_heif; pip install 'mnistcnn[heif]'"),
    ],
)  # fmt: skip
def test_missing_extra(content, message, monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.requirements.find_spec", lambda name: None)
    assert error_message(lambda: load_page(content), MissingLibraryError) == message


def test_first_frame_of_an_animation_is_its_only_page():
    for file_format in ("GIF", "PNG", "WEBP"):
        content = encode_pages(PAGES, file_format)
        assert Image.open(io.BytesIO(content)).n_frames == 3
        assert len(read_all(content)) == 1


def test_current_frame_of_an_open_image_is_read():
    image = Image.open(io.BytesIO(encode_pages(PAGES, "TIFF")))
    image.seek(1)
    assert_levels(read_all(image), LEVELS[1:2])


def test_arrays_have_one_page():
    pixels = np.asarray(PAGES[0])
    assert_levels(read_all(pixels), LEVELS[:1])
    loaded = read_image(pixels)
    assert load_page(loaded) is loaded
    assert error_message(lambda: load_page(pixels, 2), ValueError) == (
        "page must be at most 1, the last page; received 2"
    )
    assert re.match("picture must be a path", error_message(lambda: load_page(7), TypeError))


def test_other_formats_are_recognized_before_pdf():
    """A PDF document may begin anywhere in the first kilobyte."""
    jpeg = encode(PAGES[0], "JPEG", comment=b"%PDF-1.7")
    assert documents._extra_format(jpeg) is None
    assert documents._extra_format(b"\n" * 1000 + b"%PDF-1.7") == "PDF"
    assert documents._extra_format(b"\n" * 1020 + b"%PDF-1.7") is None
