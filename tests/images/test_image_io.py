"""Images of any source and format give the same brightness; everything else is rejected."""

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
from mnistcnn.images import content as image_content
from mnistcnn.images import image_io
from mnistcnn.images.brightness import pillow_pixels, to_gray
from mnistcnn.images.image_formats.parse import FORMATS as FORMAT_NAMES
from mnistcnn.images.image_io import read_image
from tests.helpers import strategies

Image.init()
COLORS = np.random.default_rng(0).integers(0, 256, (18, 26, 3), np.uint8)
GRAY = COLORS[..., 0]
PICTURE = Image.fromarray(COLORS)


def encode(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def brightness(picture):
    return read_image(picture).brightness


def assert_brightness(picture, expected, *, atol=1e-6):
    """The picture has the size and the brightness, in [0, 1], of an array."""
    image = read_image(picture)
    expected = np.asarray(expected, float)
    expected = expected.reshape(*expected.shape[:2], -1)
    assert image.brightness.dtype == np.float32
    assert (image.height, image.width) == expected.shape[:2]
    np.testing.assert_allclose(*np.broadcast_arrays(image.brightness, expected), atol=atol)


def composite(rgba):
    """Return an image on white or, if all its ink is light, on black."""
    alpha = rgba[..., 3]
    is_dark = rgba[..., :3].astype(np.float32).mean(axis=2) < 0.5
    dark, light = (alpha * is_dark).sum(), (alpha * ~is_dark).sum()
    on_black = dark <= 0.001 * alpha.size and light > dark and alpha.mean() <= 0.95
    return rgba[..., :3] * alpha[..., None] + (0 if on_black else 1) * (1 - alpha[..., None])


@given(strategies.pixels(np.uint8), strategies.image_dtypes)
def test_dtype_shape_and_layout_of_arrays(pixels, dtype):
    pixels, full = strategies.convert_pixels(pixels, dtype)
    before = pixels.copy()
    pixels.setflags(write=False)
    image = read_image(pixels)
    np.testing.assert_array_equal(pixels, before)
    assert image.brightness.dtype == np.float32
    assert image.brightness.flags.writeable
    assert (image.height, image.width) == pixels.shape[:2]
    expected = pixels.astype(float).reshape(*pixels.shape[:2], -1) / full
    if expected.shape[2] == 4:
        expected = composite(expected)
    np.testing.assert_allclose(image.brightness, expected, atol=1e-6)
    strided = np.repeat(pixels, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(brightness(strided), image.brightness)
    np.testing.assert_array_equal(brightness(np.asfortranarray(pixels)), image.brightness)


@pytest.mark.parametrize("values", [[0, 200, 65535], [0, 1, 200]], ids=["light", "dark"])
def test_uint16_of_either_byte_order(values):
    pixels = np.array([values], ">u2")
    assert_brightness(pixels, pixels / 65535)
    assert_brightness(pixels.astype("<u2"), pixels / 65535)


def test_tiff_with_the_full_range_of_float32():
    pixels = np.array([[-3e38, 0, 3e38]], np.float32)
    assert_brightness(encode(Image.fromarray(pixels), "TIFF"), [[0, 0.5, 1]])


def test_transparent_gray_level_of_a_16_bit_png():
    pixels = np.array([[0, 300, 40_000]], np.uint16)
    png = encode(Image.fromarray(pixels), "PNG", transparency=300)
    assert Image.open(io.BytesIO(png)).info["transparency"] == 300
    assert_brightness(png, [[0, 1, 40_000 / 65535]])


def test_transparency_of_int32_and_float32_images_is_ignored():
    for dtype in (np.int32, np.float32):
        image = Image.fromarray(np.array([[0, 100, 1000]], dtype))
        image.info["transparency"] = 0
        assert_brightness(image, [[0, 100 / 65535, 1000 / 65535]])


def test_premultiplied_alpha():
    image = Image.fromarray(np.array([[[0, 255], [0, 0], [100, 255]]], np.uint8), "LA")
    assert_brightness(image.convert("La"), [[0, 1, 100 / 255]])


@pytest.mark.parametrize(
    "wrap",
    [bytes, bytearray, memoryview, lambda content: Image.open(io.BytesIO(content))],
    ids=["bytes", "bytearray", "memoryview", "image"],
)
def test_file_and_its_content(wrap, tmp_path):
    content = encode(PICTURE, "PNG")
    assert_brightness(wrap(content), COLORS / 255)
    path = tmp_path / "picture without suffix"
    path.write_bytes(content)
    assert_brightness(path, COLORS / 255)
    assert_brightness(str(path), COLORS / 255)


def test_open_image_is_not_changed():
    image = Image.open(io.BytesIO(encode(PICTURE.convert("RGBA"), "PNG")))
    read_image(image)
    assert image.mode == "RGBA"
    assert image.size == PICTURE.size
    np.testing.assert_array_equal(np.asarray(image)[..., :3], COLORS)


@pytest.mark.parametrize("file_format", ["BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP"])  # fmt: skip
def test_formats(file_format):
    """With a smooth image, which survives lossy compression."""
    gradient = np.uint8(np.add.outer(4 * np.arange(32), 3 * np.arange(32)))
    assert_brightness(encode(Image.fromarray(gradient), file_format), gradient / 255, atol=0.03)


ALPHA = np.uint8(COLORS[..., 1])
ON_WHITE = 1 + (ALPHA / 255)[..., None] * (COLORS / 255 - 1)


def with_alpha():
    return Image.fromarray(np.dstack([COLORS, ALPHA]), "RGBA")


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_composited_on_white(file_format):
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    assert_brightness(encode(with_alpha(), file_format, **options), ON_WHITE, atol=0.01)
    assert_brightness(with_alpha(), ON_WHITE, atol=0.01)
    assert_brightness(np.asarray(with_alpha()), ON_WHITE)
    # A fully transparent image is white.
    transparent = Image.fromarray(np.dstack([COLORS, 0 * ALPHA]), "RGBA")
    assert_brightness(encode(transparent, file_format, **options), np.ones((18, 26)))


def test_gray_with_alpha_is_composited_on_white():
    image = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(ALPHA)])
    expected = 1 + ALPHA / 255 * (GRAY / 255 - 1)
    assert_brightness(encode(image, "PNG"), expected, atol=0.01)


def strokes_on_canvas(color, *, size=(40, 60), dark_pixels=0):
    """Return strokes of a color on a transparent canvas, as RGBA, and their coverage."""
    alpha = np.zeros(size, np.uint8)
    alpha[8:-8, 20:26] = 255
    alpha[8:-8, 26] = 100  # anti-aliased
    rgba = np.dstack([np.broadcast_to(np.uint8(color), (*size, 3)), alpha])
    rgba[8, 20 : 20 + dark_pixels, :3] = 0
    return rgba, alpha / 255


@pytest.mark.parametrize("file_format", [None, "PNG", "TIFF", "WEBP"])
def test_light_strokes_on_a_transparent_canvas_are_on_black(file_format):
    for color in ([255, 255, 255], [255, 255, 0]):
        rgba, coverage = strokes_on_canvas(color)
        options = {"lossless": True} if file_format == "WEBP" else {}
        picture = encode(Image.fromarray(rgba), file_format, **options) if file_format else rgba
        assert_brightness(picture, coverage[..., None] * np.divide(color, 255), atol=0.01)


def test_dark_strokes_on_a_transparent_canvas_are_on_white():
    for color in ([0, 0, 0], [200, 0, 0], [120, 120, 120]):
        rgba, coverage = strokes_on_canvas(color)
        assert_brightness(rgba, 1 - coverage[..., None] * (1 - np.divide(color, 255)))


def test_light_strokes_with_a_dark_outline_are_on_white():
    rgba, _ = strokes_on_canvas([255] * 3, dark_pixels=4)
    assert brightness(rgba)[0, 0] == pytest.approx(1)
    rgba, _ = strokes_on_canvas([255] * 3, dark_pixels=2)
    assert brightness(rgba)[0, 0] == pytest.approx(0)


def test_light_page_with_rounded_corners_is_on_white():
    page = np.full((100, 100, 4), 255, np.uint8)
    page[:4, :4, 3] = 0
    assert brightness(page).min() == 1


def palette():
    """Return a palette image of black, red and pale green, and its indices."""
    image = Image.fromarray(np.uint8(np.arange(18 * 26).reshape(18, 26) % 3), "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 200, 255, 200])
    return image, np.asarray(image)


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP"])
def test_palettes(file_format):
    image, indices = palette()
    colors = np.array([[0, 0, 0], [255, 0, 0], [200, 255, 200]]) / 255
    assert_brightness(encode(image, file_format), colors[indices])


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_palette_with_a_transparent_color(file_format):
    image, indices = palette()
    colors = np.array([[1, 1, 1], [1, 0, 0], [200 / 255, 1, 200 / 255]])
    assert_brightness(encode(image, file_format, transparency=0), colors[indices])


def test_palette_with_alpha_values():
    image, indices = palette()
    colors = np.array([[0, 0, 0], [1, 155 / 255, 155 / 255], [1, 1, 1]])
    png = encode(image, "PNG", transparency=bytes([255, 100, 0]))
    assert_brightness(png, colors[indices], atol=0.01)


def test_transparent_color_of_gray_and_rgb():
    assert_brightness(
        encode(Image.fromarray(GRAY), "PNG", transparency=int(GRAY[0, 0])),
        np.where(GRAY[0, 0] == GRAY, 255, GRAY) / 255,
    )
    first = COLORS[0, 0]
    assert_brightness(
        encode(PICTURE, "PNG", transparency=tuple(map(int, first))),
        np.where((first == COLORS).all(axis=2, keepdims=True), 255, COLORS) / 255,
    )


def test_black_and_white():
    assert_brightness(encode(Image.fromarray(GRAY > 127), "PNG"), GRAY > 127)
    assert_brightness(encode(Image.fromarray(GRAY > 127), "TIFF", compression="group4"), GRAY > 127)


def test_cmyk():
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:, 8:, 3] = 255
    expected = np.repeat([[1.0] * 8 + [0.0] * 8], 16, axis=0)
    jpeg = encode(Image.fromarray(ink, "CMYK"), "JPEG", quality=95)
    assert_brightness(jpeg, expected, atol=0.05)


@pytest.mark.parametrize("mode", ["RGBX", "RGBa", "YCbCr", "HSV", "LAB"])
def test_other_color_modes(mode):
    flat = Image.fromarray(np.uint8(np.array([[[0, 0, 0], [255, 255, 255], [200, 40, 60]]])))
    image = flat.convert("RGBA").convert(mode) if mode == "RGBa" else None
    if mode == "LAB":
        profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
        image = ImageCms.profileToProfile(flat, *profiles, outputMode="LAB")
    # Conversion to these modes loses precision.
    assert_brightness(image or flat.convert(mode), np.asarray(flat) / 255, atol=0.03)


def test_uint16_files():
    pixels = GRAY.astype(np.uint16) * 200
    assert_brightness(encode(Image.fromarray(pixels), "PNG"), pixels / 65535)
    assert_brightness(encode(Image.fromarray(pixels), "TIFF"), pixels / 65535)
    # A dark image, too: the format defines full brightness.
    assert_brightness(encode(Image.fromarray(pixels // 256), "PNG"), pixels // 256 / 65535)


@pytest.mark.parametrize("full", [1, 255, 65535])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_tiff_of_unknown_scale_has_the_smallest_that_fits(full, dtype):
    pixels = (GRAY / 255 * full).astype(dtype)
    pixels[0, :2] = 0, full
    assert_brightness(encode(Image.fromarray(pixels), "TIFF"), pixels / full)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_tiff_beyond_every_scale_is_normalized(dtype):
    pixels = np.array([[-1000, 0, 1000], [500_000, 0, 999_000]], dtype)
    assert_brightness(encode(Image.fromarray(pixels), "TIFF"), (pixels + 1000.0) / 1_000_000)
    flat = np.full((2, 3), -7, dtype)
    assert_brightness(encode(Image.fromarray(flat), "TIFF"), np.zeros((2, 3)))


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_first_of_several_frames(file_format):
    first, rest = Image.new("L", (9, 5), 200), [Image.new("L", (9, 5), 50)]
    content = encode(first, file_format, save_all=True, append_images=rest)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    assert_brightness(content, np.full((5, 9), 200 / 255), atol=0.02)


# How an upright image is stored for each EXIF orientation.
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
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation, file_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](COLORS)))
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = encode(stored, file_format, exif=exif, **options)
    assert_brightness(content, COLORS / 255)
    assert_brightness(Image.open(io.BytesIO(content)), COLORS / 255)


def test_exif_orientation_of_a_jpeg():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.uint8(np.add.outer(2 * np.arange(30), 6 * np.arange(20)))
    photo = encode(Image.fromarray(np.ascontiguousarray(upright.T[::-1])), "JPEG", exif=exif)
    assert_brightness(photo, upright / 255, atol=0.03)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"x"])
def test_damaged_exif_data_is_ignored(exif):
    assert_brightness(encode(PICTURE, "PNG", exif=exif), COLORS / 255)


def test_large_image_is_downscaled_and_keeps_its_size(monkeypatch):
    monkeypatch.setattr(image_io, "WORKING_PIXELS", 18 * 26 // 4)
    gradient = np.add.outer(np.arange(18), np.arange(26)) / 44
    image = read_image(gradient)
    assert (image.width, image.height) == (26, 18)
    assert image.brightness.shape == (9, 13, 1)
    expected = gradient.reshape(9, 2, 13, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(image.brightness[..., 0], expected, atol=1e-5)


def png_header(width, height):
    """Return a PNG that declares a size and has almost no content."""

    def chunk(name, content):
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def error_message(picture, error=ValueError):
    with pytest.raises(error) as caught:
        read_image(picture)
    assert type(caught.value) is error
    return str(caught.value)


SIZE_RULE = "picture must hold at most 50 megapixels; "


@pytest.mark.parametrize(
    ("picture", "received"),
    [
        (png_header(10_000, 5_001), "received 10,000 × 5,001 pixels"),
        (png_header(12_000, 12_000), "received 12,000 × 12,000 pixels"),  # Pillow would warn
        (png_header(20_000, 20_000), "received 20,000 × 20,000 pixels"),  # Pillow would raise
        (png_header(2**31 - 1, 2**31 - 1), "received 2,147,483,647 × 2,147,483,647 pixels"),
        (b"GIF89a" + b"\xff" * 4 + encode(PICTURE, "GIF")[10:], "received 65,535 × 65,535 pixels"),
        (np.broadcast_to(np.uint8(0), (5_001, 10_000)), "received 10,000 × 5,001 pixels"),
    ],
    ids=["png", "png 144", "png 400", "png most", "gif", "array"],
)
def test_too_many_pixels_are_rejected_before_decoding(picture, received):
    assert error_message(picture) == SIZE_RULE + received


def test_maximum_number_of_pixels_is_decoded():
    """The error is about the damage, not about the size."""
    message = error_message(png_header(10_000, 5_000), CorruptFileError)
    assert message.startswith(
        "picture must be an undamaged image; OSError: image file is truncated"
    )


def test_too_many_bytes(monkeypatch, tmp_path):
    monkeypatch.setattr(image_content, "MAX_FILE_BYTES", 100)
    (tmp_path / "a.png").write_bytes(bytes(101))
    assert (
        error_message("a.png", CorruptFileError)
        == "a.png must hold at most 100 bytes; it holds 101"
    )


FORMATS = "must be an image in one of these formats: BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be an image; received 0 bytes"),
        (b"x", FORMATS),
        (b"This is text, not an image.\n" * 9, FORMATS),
        (b"%PDF-1.7\n" + bytes(99), FORMATS),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", FORMATS),
        (bytes(1000), FORMATS),
        (encode(PICTURE, "PNG")[:-30], "must be an undamaged image; OSError: image file is truncated"),
        (encode(PICTURE, "JPEG")[:-30], "must be an undamaged image; OSError: image file is truncated"),
        (encode(Image.fromarray(np.array([[0, np.nan]], np.float32)), "TIFF"), "must hold finite numbers; received NaN or infinity"),
        (encode(Image.fromarray(np.array([[0, np.inf]], np.float32)), "TIFF"), "must hold finite numbers; received NaN or infinity"),
    ],
    ids=["empty", "a byte", "text", "pdf", "eps", "zeros", "png", "jpeg", "nan", "infinity"],
)  # fmt: skip
def test_invalid_files_are_rejected_by_name(content, message, tmp_path):
    assert error_message(content, CorruptFileError).startswith(f"picture {message}")
    (tmp_path / "my scan.png").write_bytes(content)
    assert error_message("my scan.png", CorruptFileError).startswith(f"my scan.png {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png_header(1, 30_001), "picture must have sides of at most 30,000 pixels; received 1 × 30,001 pixels"),
        (png_header(30_001, 2), "picture must have sides of at most 30,000 pixels; received 30,001 × 2 pixels"),
        (np.broadcast_to(np.uint8(0), (30_001, 3)), "picture must have sides of at most 30,000 pixels; received 3 × 30,001 pixels"),
        (Image.new("1", (30_001, 1)), "picture must have sides of at most 30,000 pixels; received 30,001 × 1 pixels"),
        (encode(Image.new("L", (5_000, 5_000)), "WEBP", quality=1), "picture must take at most 320 MB of memory to decode; it takes 400 MB"),
    ],
)  # fmt: skip
def test_long_sides_and_memory(content, message):
    assert error_message(content) == message


def test_large_jpeg_is_decoded_at_a_fraction_of_its_size(monkeypatch):
    """The memory for the pixels is not needed, then, and the result is the same."""
    gradient = np.uint8(np.add.outer(np.arange(128), np.arange(96)))
    jpeg = encode(Image.fromarray(gradient), "JPEG", quality=95)
    monkeypatch.setattr(image_io, "WORKING_PIXELS", 32 * 24)
    expected = gradient.reshape(32, 4, 24, 4).mean(axis=(1, 3)) / 255
    monkeypatch.setattr(image_io, "_MAX_DECODING_BYTES", len(jpeg) + 32 * 24)
    decoded = []
    monkeypatch.setattr(
        image_io,
        "pillow_pixels",
        lambda name, image: decoded.append(image.size) or pillow_pixels(name, image),
    )
    image = read_image(jpeg)
    assert (image.width, image.height) == (96, 128)
    assert decoded == [(24, 32)]
    np.testing.assert_allclose(image.brightness[..., 0], expected, atol=0.01)
    monkeypatch.setattr(image_io, "_MAX_DECODING_BYTES", len(jpeg) + 32 * 24 - 1)
    assert error_message(jpeg).startswith("picture must take at most ")


def bmp(width, height):
    """Return a BMP file whose header declares a size."""
    content = encode(PICTURE, "BMP")
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (bmp(26 - 2**31, 18), "-2147483622 × 18"),
        (bmp(26 - 2**31, -18), "-2147483622 × 18"),
        (bmp(-1, -1), "-1 × 1"),
        (bmp(0, 18), "0 × 18"),
        (bmp(26, 0), "26 × 0"),
        (png_header(0, 1), "0 × 1"),
        (encode(PICTURE, "PPM").replace(b"26 18", b"26 0"), "26 × 0"),
    ],
)
def test_files_without_pixels_are_rejected(content, received):
    assert error_message(content) == f"picture must hold at least one pixel; received {received}"


def test_bmp_file_from_the_top_row():
    assert_brightness(bmp(26, -18), COLORS[::-1] / 255)


def files():
    """Return one small file of each format and compression."""
    frames = {"save_all": True, "append_images": [PICTURE.rotate(180)]}
    specifications = [
        ("PNG", PICTURE, {}), ("PNG", palette()[0], {"transparency": 1}),
        ("PNG", with_alpha(), {}), ("PNG", Image.fromarray(GRAY.astype(np.uint16)), {}),
        ("JPEG", PICTURE, {}), ("JPEG", PICTURE, {"progressive": True}),
        ("JPEG", PICTURE.convert("CMYK"), {}), ("GIF", PICTURE, {}), ("GIF", PICTURE, frames),
        ("BMP", PICTURE, {}), ("BMP", palette()[0], {}), ("TIFF", PICTURE, {}),
        ("TIFF", PICTURE, {"compression": "tiff_lzw"}), ("TIFF", PICTURE.convert("F"), {}),
        ("WEBP", PICTURE, {}), ("WEBP", with_alpha(), {"lossless": True}),
        ("WEBP", PICTURE, frames), ("PPM", PICTURE, {}),
    ]  # fmt: skip
    return [encode(image, file_format, **options) for file_format, image, options in specifications]


FILES = files()
MAGIC_NUMBERS = [b"", *sorted({content[:12] for content in FILES})]


def test_two_sizes():
    """Pillow continues a number after a comment."""
    assert error_message(b"P4\n2#\n6 1 1\n" + bytes(99), CorruptFileError) == (
        "picture must be an undamaged image; it declares two sizes, (2, 6) and (26, 1)"
    )


OTHERS = sorted(set(Image.OPEN) - set(FORMAT_NAMES))


@pytest.mark.parametrize("name", OTHERS)
def test_decoders_of_other_formats_are_never_reached(name, monkeypatch):
    """Not even if they accept every file."""
    reached = []

    def open_file(*arguments):
        reached.append(name)
        raise SyntaxError

    monkeypatch.setitem(Image.OPEN, name, (open_file, None))
    for content in (*FILES, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", bytes(99)):
        for damaged in (content, content[:-20], content[:40]):
            try:
                read_image(damaged)
            except CorruptFileError:
                continue
    assert not reached
    with pytest.raises(Image.UnidentifiedImageError):
        Image.open(io.BytesIO(bytes(99)))
    assert reached  # without the restriction to our formats


UNDECODED = (
    "picture must be decoded, or an image in one of these formats: BMP, GIF, JPEG, PNG, PPM, TIFF, "
    "WEBP; received an undecoded image in the format "
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("EPS", encode(PICTURE, "EPS")),
        ("JPEG2000", encode(PICTURE, "JPEG2000")),
        ("BUFR", b"BUFR" + bytes(99)),
        ("GRIB", b"GRIB" + bytes(3) + b"\1" + bytes(99)),
        ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(99)),
        ("WMF", b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH", 0, 0, 99, 99, 72) + bytes(6) + b"\1\0\t\0" + bytes(99)),
    ],
)  # fmt: skip
def test_undecoded_images_of_other_formats_are_rejected(name, content):
    image = Image.open(io.BytesIO(content))
    assert image.format == name
    assert error_message(image) == UNDECODED + name


def test_decoded_image_of_another_format():
    image = Image.open(io.BytesIO(encode(PICTURE, "QOI")))
    assert error_message(image) == UNDECODED + "QOI"
    image.load()
    assert_brightness(image, COLORS / 255)


SHAPES = "picture must have shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); received "
TYPES = "picture must be a path, bytes, a binary file, a PIL image or a NumPy array; received "


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        (None, TypeError, TYPES + "NoneType"),
        (7, TypeError, TYPES + "int"),
        ([[0, 255]], TypeError, TYPES + "list"),
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
def test_invalid_arguments(picture, error, message):
    assert error_message(picture, error) == message


def test_missing_file_and_folder(tmp_path):
    assert "absent.png" in error_message("absent.png", FileNotFoundError)
    assert str(tmp_path) in error_message(tmp_path, IsADirectoryError)


@st.composite
def damaged_files(draw):
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 6))):
        # Mostly in the header.
        last = draw(st.sampled_from([60, len(content)]))
        content[draw(st.integers(0, min(last, len(content)) - 1))] = draw(strategies.BYTES)
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


def read_or_error(recognizer, content):
    try:
        return recognizer.read(content)
    except ValueError as error:
        return error


@settings(max_examples=300)
@given(
    damaged_files()
    | st.builds(bytes.__add__, st.sampled_from(MAGIC_NUMBERS), st.binary(max_size=300))
)
@example(png_header(1, 1))
@example(bmp(26 - 2**31, 18))
def test_any_bytes_are_read_or_rejected(recognizer, content):
    result = read_or_error(recognizer, content)
    if isinstance(result, CorruptFileError):
        assert str(result).startswith("picture must ")
    elif isinstance(result, ValueError):
        rules = "hold at (most 50 megapixels|least one pixel)|have sides of at most 30,000 pixels"
        rules += "|have one page; it has "
        assert re.match(f"picture must ({rules}|take at most 320 MB)", str(result))
    else:
        assert isinstance(result, Reading)


@settings(max_examples=60)
@given(strategies.pixels(np.uint8, max_side=40))
def test_any_array_is_read(recognizer, pixels):
    reading = recognizer.read(pixels)
    assert (reading.height, reading.width) == pixels.shape[:2]
    for digit in reading.digits:
        left, top, right, bottom = digit.box
        assert 0 <= left < right <= reading.width
        assert 0 <= top < bottom <= reading.height


def test_gray_level_of_one_and_three_channels():
    color = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    expected = 0.299 * color[..., 0] + 0.587 * color[..., 1] + 0.114 * color[..., 2]
    np.testing.assert_allclose(to_gray(color), expected, rtol=1e-6)
    np.testing.assert_array_equal(to_gray(color[..., :1]), color[..., 0])
