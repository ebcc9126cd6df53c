"""Opening a picture: whatever it comes in, the same brightness; all else refused by name."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from mnistcnn import CorruptFileError, Reading
from mnistcnn.ocr import image_io
from mnistcnn.ocr.image_io import read_image
from tests.helpers import strategies

COLOURS = np.random.default_rng(0).integers(0, 256, (18, 26, 3), np.uint8)
GREY = COLOURS[..., 0]
PICTURE = Image.fromarray(COLOURS)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def brightness(picture):
    return read_image(picture).brightness


def assert_shows(picture, expected, *, within=1e-6):
    """The picture is what an array in [0, 1] says, and of its size."""
    opened = read_image(picture)
    expected = np.asarray(expected, float)
    expected = expected.reshape(*expected.shape[:2], -1)
    assert opened.brightness.dtype == np.float32
    assert (opened.height, opened.width) == expected.shape[:2]
    np.testing.assert_allclose(*np.broadcast_arrays(opened.brightness, expected), atol=within)


@given(strategies.pixels(np.uint8), strategies.image_dtypes)
def test_every_lawful_dtype_and_shape_gives_the_same(pixels, dtype):
    pixels, full = strategies.convert_pixels(pixels, dtype)
    before = pixels.copy()
    pixels.setflags(write=False)
    opened = read_image(pixels)
    np.testing.assert_array_equal(pixels, before)
    assert opened.brightness.dtype == np.float32
    assert opened.brightness.flags.writeable
    assert (opened.height, opened.width) == pixels.shape[:2]
    expected = pixels.astype(float).reshape(*pixels.shape[:2], -1) / full
    if expected.shape[2] == 4:
        # Transparent pixels show the white paper under them.
        expected = expected[..., :3] * expected[..., 3:] + 1 - expected[..., 3:]
    np.testing.assert_allclose(opened.brightness, expected, atol=1e-6)
    spread = np.repeat(pixels, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(brightness(spread), opened.brightness)
    np.testing.assert_array_equal(brightness(np.asfortranarray(pixels)), opened.brightness)


@pytest.mark.parametrize("values", [[0, 200, 65535], [0, 1, 200]], ids=["light", "dark"])
def test_sixteen_bits_of_either_byte_order(values):
    pixels = np.array([values], ">u2")
    assert_shows(pixels, pixels / 65535)
    assert_shows(pixels.astype("<u2"), pixels / 65535)


def test_numbers_of_a_tiff_may_span_all_that_float32_can():
    pixels = np.array([[-3e38, 0, 3e38]], np.float32)
    assert_shows(saved(Image.fromarray(pixels), "TIFF"), [[0, 0.5, 1]])


def test_one_grey_level_of_a_16_bit_png_may_be_transparent():
    pixels = np.array([[0, 300, 40_000]], np.uint16)
    png = saved(Image.fromarray(pixels), "PNG", transparency=300)
    assert Image.open(io.BytesIO(png)).info["transparency"] == 300
    assert_shows(png, [[0, 1, 40_000 / 65535]])


def test_a_transparency_that_whole_or_floating_numbers_carry_along_is_not_theirs():
    for dtype in (np.int32, np.float32):
        image = Image.fromarray(np.array([[0, 100, 1000]], dtype))
        image.info["transparency"] = 0
        assert_shows(image, [[0, 100 / 65535, 1000 / 65535]])


def test_colours_multiplied_by_their_alpha():
    image = Image.fromarray(np.array([[[0, 255], [0, 0], [100, 255]]], np.uint8), "LA")
    assert_shows(image.convert("La"), [[0, 1, 100 / 255]])


@pytest.mark.parametrize(
    "wrap",
    [bytes, bytearray, memoryview, lambda content: Image.open(io.BytesIO(content))],
    ids=["bytes", "bytearray", "memoryview", "image"],
)
def test_a_file_and_its_content_show_the_same(wrap, tmp_path):
    content = saved(PICTURE, "PNG")
    assert_shows(wrap(content), COLOURS / 255)
    path = tmp_path / "a picture without a suffix"
    path.write_bytes(content)
    assert_shows(path, COLOURS / 255)
    assert_shows(str(path), COLOURS / 255)


def test_an_open_image_is_left_as_it_was():
    image = Image.open(io.BytesIO(saved(PICTURE.convert("RGBA"), "PNG")))
    read_image(image)
    assert image.mode == "RGBA"
    assert image.size == PICTURE.size
    np.testing.assert_array_equal(np.asarray(image)[..., :3], COLOURS)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP"])  # fmt: skip
def test_every_format(kind):
    """Those that lose something keep a smooth picture."""
    slope = np.uint8(np.add.outer(4 * np.arange(32), 3 * np.arange(32)))
    assert_shows(saved(Image.fromarray(slope), kind), slope / 255, within=0.03)


ALPHA = np.uint8(COLOURS[..., 1])
ON_WHITE = 1 + (ALPHA / 255)[..., None] * (COLOURS / 255 - 1)


def with_alpha():
    return Image.fromarray(np.dstack([COLOURS, ALPHA]), "RGBA")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_lies_on_white(kind):
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert_shows(saved(with_alpha(), kind, **options), ON_WHITE, within=0.01)
    assert_shows(with_alpha(), ON_WHITE, within=0.01)
    assert_shows(np.asarray(with_alpha()), ON_WHITE)
    # Where all is transparent the picture is paper, whatever lies beneath.
    clear = Image.fromarray(np.dstack([COLOURS, 0 * ALPHA]), "RGBA")
    assert_shows(saved(clear, kind, **options), np.ones((18, 26)))


def test_grey_with_alpha_lies_on_white():
    image = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    expected = 1 + ALPHA / 255 * (GREY / 255 - 1)
    assert_shows(saved(image, "PNG"), expected, within=0.01)


def palette():
    """The numbers 0, 1 and 2, which are black, red and pale green."""
    image = Image.fromarray(np.uint8(np.arange(18 * 26).reshape(18, 26) % 3), "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 200, 255, 200])
    return image, np.asarray(image)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_palettes(kind):
    image, numbers = palette()
    shades = np.array([[0, 0, 0], [255, 0, 0], [200, 255, 200]]) / 255
    assert_shows(saved(image, kind), shades[numbers])


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_colour(kind):
    image, numbers = palette()
    shades = np.array([[1, 1, 1], [1, 0, 0], [200 / 255, 1, 200 / 255]])
    assert_shows(saved(image, kind, transparency=0), shades[numbers])


def test_a_palette_with_shares_of_transparency():
    image, numbers = palette()
    shades = np.array([[0, 0, 0], [1, 155 / 255, 155 / 255], [1, 1, 1]])
    png = saved(image, "PNG", transparency=bytes([255, 100, 0]))
    assert_shows(png, shades[numbers], within=0.01)


def test_a_transparent_colour_of_grey_and_of_colours():
    assert_shows(
        saved(Image.fromarray(GREY), "PNG", transparency=int(GREY[0, 0])),
        np.where(GREY[0, 0] == GREY, 255, GREY) / 255,
    )
    first = COLOURS[0, 0]
    assert_shows(
        saved(PICTURE, "PNG", transparency=tuple(map(int, first))),
        np.where((first == COLOURS).all(axis=2, keepdims=True), 255, COLOURS) / 255,
    )


def test_black_and_white():
    assert_shows(saved(Image.fromarray(GREY > 127), "PNG"), GREY > 127)
    assert_shows(saved(Image.fromarray(GREY > 127), "TIFF", compression="group4"), GREY > 127)


def test_cmyk_as_a_press_has_it():
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:, 8:, 3] = 255
    expected = np.repeat([[1.0] * 8 + [0.0] * 8], 16, axis=0)
    jpeg = saved(Image.fromarray(ink, "CMYK"), "JPEG", quality=95)
    assert_shows(jpeg, expected, within=0.05)


@pytest.mark.parametrize("mode", ["RGBX", "RGBa", "YCbCr", "HSV", "LAB"])
def test_other_kinds_of_colour(mode):
    flat = Image.fromarray(np.uint8(np.array([[[0, 0, 0], [255, 255, 255], [200, 40, 60]]])))
    image = flat.convert("RGBA").convert(mode) if mode == "RGBa" else None
    if mode == "LAB":
        profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
        image = ImageCms.profileToProfile(flat, *profiles, outputMode="LAB")
    # What these modes keep of eight bits differs by some.
    assert_shows(image or flat.convert(mode), np.asarray(flat) / 255, within=0.03)


def test_sixteen_bits_in_a_file():
    pixels = GREY.astype(np.uint16) * 200
    assert_shows(saved(Image.fromarray(pixels), "PNG"), pixels / 65535)
    assert_shows(saved(Image.fromarray(pixels), "TIFF"), pixels / 65535)
    # Dark ones too: the format says how bright the brightest is.
    assert_shows(saved(Image.fromarray(pixels // 256), "PNG"), pixels // 256 / 65535)


@pytest.mark.parametrize("full", [1, 255, 65535])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_of_a_tiff_are_on_the_smallest_scale_that_holds_them(full, dtype):
    pixels = (GREY / 255 * full).astype(dtype)
    pixels[0, :2] = 0, full
    assert_shows(saved(Image.fromarray(pixels), "TIFF"), pixels / full)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_of_a_tiff_beyond_every_scale_are_stretched(dtype):
    pixels = np.array([[-1000, 0, 1000], [500_000, 0, 999_000]], dtype)
    assert_shows(saved(Image.fromarray(pixels), "TIFF"), (pixels + 1000.0) / 1_000_000)
    flat = np.full((2, 3), -7, dtype)
    assert_shows(saved(Image.fromarray(flat), "TIFF"), np.zeros((2, 3)))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_many_frames_the_first_is_taken(kind):
    first, others = Image.new("L", (9, 5), 200), [Image.new("L", (9, 5), 50)]
    content = saved(first, kind, save_all=True, append_images=others)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    assert_shows(content, np.full((5, 9), 200 / 255), within=0.02)


# What EXIF says: on which side the first row and the first column of the file belong.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_every_orientation_is_turned_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](COLOURS)))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(stored, kind, exif=exif, **options)
    assert_shows(content, COLOURS / 255)
    assert_shows(Image.open(io.BytesIO(content)), COLOURS / 255)


def test_a_photo_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.uint8(np.add.outer(2 * np.arange(30), 6 * np.arange(20)))
    photo = saved(Image.fromarray(np.ascontiguousarray(upright.T[::-1])), "JPEG", exif=exif)
    assert_shows(photo, upright / 255, within=0.03)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"x"])
def test_damaged_exif_says_nothing_of_the_pixels(exif):
    assert_shows(saved(PICTURE, "PNG", exif=exif), COLOURS / 255)


def test_a_picture_of_very_many_pixels_is_made_smaller_and_keeps_its_size(monkeypatch):
    monkeypatch.setattr(image_io, "WORKING_PIXELS", 18 * 26 // 4)
    slope = np.add.outer(np.arange(18), np.arange(26)) / 44
    opened = read_image(slope)
    assert (opened.width, opened.height) == (26, 18)
    assert opened.brightness.shape == (9, 13, 1)
    expected = slope.reshape(9, 2, 13, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(opened.brightness[..., 0], expected, atol=1e-5)


def png_header(width, height):
    """A PNG that declares its size and holds next to nothing."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def refusal(picture, error=ValueError):
    with pytest.raises(error) as caught:
        read_image(picture)
    assert type(caught.value) is error
    return str(caught.value)


MOST = "picture must hold at most 50 megapixels; "


@pytest.mark.parametrize(
    ("picture", "received"),
    [
        (png_header(10_000, 5_001), "received 10,000 × 5,001 pixels"),
        (png_header(12_000, 12_000), "received 12,000 × 12,000 pixels"),  # Pillow would warn
        (png_header(20_000, 20_000), "received far more"),  # Pillow would refuse
        (png_header(2**31 - 1, 2**31 - 1), "received far more"),
        (b"GIF89a" + b"\xff" * 4 + saved(PICTURE, "GIF")[10:], "received far more"),
        (np.broadcast_to(np.uint8(0), (5_001, 10_000)), "received 10,000 × 5,001 pixels"),
    ],
    ids=["png", "png 144", "png 400", "png most", "gif", "array"],
)
def test_too_many_pixels_are_refused_before_one_is_unpacked(picture, received):
    assert refusal(picture) == MOST + received


def test_as_many_pixels_as_are_allowed_are_unpacked():
    """And so the damage is found."""
    said = refusal(png_header(10_000, 5_000), CorruptFileError)
    assert said.startswith("picture must be an undamaged image; OSError: image file is truncated")


def test_too_many_bytes_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(image_io, "_MAX_BYTES", 100)
    (tmp_path / "a.png").write_bytes(bytes(101))
    assert refusal("a.png", CorruptFileError) == "a.png must hold at most 100 bytes; it holds 101"


KNOWN = f"must be an image in one of these formats: {', '.join(image_io._supported_formats())}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be an image; received 0 bytes"),
        (b"x", KNOWN),
        (b"These are words, and no picture.\n" * 9, KNOWN),
        (b"%PDF-1.7\n" + bytes(99), KNOWN),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", KNOWN),
        (bytes(1000), KNOWN),
        (saved(PICTURE, "PNG")[:-30], "must be an undamaged image; OSError: image file is truncated"),
        (saved(PICTURE, "JPEG")[:-30], "must be an undamaged image; OSError: image file is truncated"),
        (saved(Image.fromarray(np.array([[0, np.nan]], np.float32)), "TIFF"), "must hold finite numbers; received NaN or infinity"),
        (saved(Image.fromarray(np.array([[0, np.inf]], np.float32)), "TIFF"), "must hold finite numbers; received NaN or infinity"),
    ],
    ids=["empty", "a byte", "text", "pdf", "eps", "zeros", "png", "jpeg", "nan", "infinity"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_by_name(content, message, tmp_path):
    assert refusal(content, CorruptFileError).startswith(f"picture {message}")
    (tmp_path / "my scan.png").write_bytes(content)
    assert refusal("my scan.png", CorruptFileError).startswith(f"my scan.png {message}")


SHAPES = "picture must have shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); received "
KINDS = "picture must be a path, bytes, a PIL image or a NumPy array; received "


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        (None, TypeError, KINDS + "NoneType"),
        (7, TypeError, KINDS + "int"),
        ([[0, 255]], TypeError, KINDS + "list"),
        (io.BytesIO(), TypeError, KINDS + "BytesIO"),
        (np.zeros(9), ValueError, SHAPES + "(9,)"),
        (np.zeros((4, 4, 2)), ValueError, SHAPES + "(4, 4, 2)"),
        (np.zeros((1, 4, 4, 3)), ValueError, SHAPES + "(1, 4, 4, 3)"),
        (np.zeros((3, 28, 28)), ValueError, SHAPES + "(3, 28, 28)"),
        (np.zeros((0, 5)), ValueError, "picture must hold at least one pixel; received 5 × 0"),
        (np.zeros((4, 0, 3)), ValueError, "picture must hold at least one pixel; received 0 × 4"),
        (Image.new("L", (0, 3)), ValueError, "picture must hold at least one pixel; received 0 × 3"),
        (np.zeros((2, 2), complex), TypeError, "picture must be integers or floats; received dtype complex128"),
        (np.zeros((2, 2), object), TypeError, "picture must be integers or floats; received dtype object"),
        (np.zeros((2, 2), "datetime64[s]"), TypeError, "picture must be integers or floats; received dtype datetime64[s]"),
        (np.array([[0, 256]]), ValueError, "a picture of integers other than uint16 must lie in 0...255; received 0...256"),
        (np.array([[-1, 0]], np.int8), ValueError, "a picture of integers other than uint16 must lie in 0...255; received -1...0"),
        (np.array([[0, 1.5]]), ValueError, "a picture of floats must lie in [0, 1]; received 0...1.5"),
        (np.array([[0, 255.0]]), ValueError, "a picture of floats must lie in [0, 1]; received 0...255"),
        (np.array([[0, np.nan]]), ValueError, "a picture of floats must lie in [0, 1]; received NaN"),
    ],
)  # fmt: skip
def test_what_is_no_picture_at_all_is_refused(picture, error, message):
    assert refusal(picture, error) == message


def test_an_absent_file_and_a_folder_are_errors_of_the_system(tmp_path):
    assert "absent.png" in refusal("absent.png", FileNotFoundError)
    assert str(tmp_path) in refusal(tmp_path, IsADirectoryError)


def files():
    """One small file of each format and kind of compression."""
    frames = {"save_all": True, "append_images": [PICTURE.rotate(180)]}
    kinds = [
        ("PNG", PICTURE, {}), ("PNG", palette()[0], {"transparency": 1}),
        ("PNG", with_alpha(), {}), ("PNG", Image.fromarray(GREY.astype(np.uint16)), {}),
        ("JPEG", PICTURE, {}), ("JPEG", PICTURE, {"progressive": True}),
        ("JPEG", PICTURE.convert("CMYK"), {}), ("GIF", PICTURE, {}), ("GIF", PICTURE, frames),
        ("BMP", PICTURE, {}), ("BMP", palette()[0], {}), ("TIFF", PICTURE, {}),
        ("TIFF", PICTURE, {"compression": "tiff_lzw"}), ("TIFF", PICTURE.convert("F"), {}),
        ("WEBP", PICTURE, {}), ("WEBP", with_alpha(), {"lossless": True}),
        ("WEBP", PICTURE, frames), ("PPM", PICTURE, {}), ("JPEG2000", PICTURE, {}),
        ("AVIF", PICTURE, {}),
    ]  # fmt: skip
    known = image_io._supported_formats()
    return [saved(image, kind, **options) for kind, image, options in kinds if kind in known]


FILES = files()
BEGINNINGS = [b"", *sorted({content[:12] for content in FILES})]


@st.composite
def damaged(draw):
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 6))):
        # The first bytes say most of what a file is.
        last = draw(st.sampled_from([60, len(content)]))
        content[draw(st.integers(0, min(last, len(content)) - 1))] = draw(strategies.BYTES)
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


def read_or_refused(recognizer, content):
    try:
        return recognizer.read(content)
    except ValueError as error:
        return error


@settings(max_examples=1000)
@given(damaged() | st.builds(bytes.__add__, st.sampled_from(BEGINNINGS), st.binary(max_size=300)))
@example(png_header(1, 1))
def test_any_bytes_are_read_or_refused(recognizer, content):
    found = read_or_refused(recognizer, content)
    if isinstance(found, CorruptFileError):
        assert str(found).startswith("picture must ")
    elif isinstance(found, ValueError):
        rule = r"picture must hold at (most 50 megapixels|least one pixel); "
        assert re.match(rule, str(found))
    else:
        assert isinstance(found, Reading)


@settings(max_examples=200)
@given(strategies.pixels(np.uint8, most=40))
def test_any_pixels_are_read(recognizer, pixels):
    reading = recognizer.read(pixels)
    assert (reading.height, reading.width) == pixels.shape[:2]
    for digit in reading.digits:
        left, top, right, bottom = digit.box
        assert 0 <= left < right <= reading.width
        assert 0 <= top < bottom <= reading.height
