"""Each format is recognized and reduced to the first frame, which decodes to the same pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.images.image_formats.parse import FORMATS, parse_image
from tests.helpers.image_bombs import encode, noise

COLOR = noise(40, 30)
GRAY = noise(40, 30, 1)
ALPHA = noise(40, 30, 4)
PALETTE = COLOR.quantize(16)
FRAMES = {"save_all": True, "append_images": [COLOR.rotate(180), GRAY]}
EXIF = Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010E] = "SECRET"
TEXT = b"SECRET " * 20
METADATA = {"exif": EXIF, "icc_profile": TEXT, "comment": TEXT, "xmp": TEXT}

# By format: images, and how they are saved.
IMAGES = {
    "BMP": [(COLOR, {}), (GRAY, {}), (PALETTE, {}), (GRAY.convert("1"), {}), (ALPHA, {})],
    "GIF": [(GRAY, {}), (PALETTE, {"transparency": 3}), (COLOR, FRAMES), (PALETTE, {"comment": TEXT, "interlace": 1})],
    "JPEG": [
        (COLOR, {}), (GRAY, {}), (COLOR.convert("CMYK"), {}), (COLOR, METADATA),
        (COLOR, {"progressive": True, **METADATA}), (COLOR, {"restart_marker_rows": 1, "subsampling": 0}),
        (COLOR, {"keep_rgb": True}),
    ],
    "PNG": [
        (COLOR, METADATA), (GRAY, {}), (ALPHA, {}), (PALETTE, {"transparency": 3, **METADATA}), (GRAY.convert("1"), {}),
        (GRAY.convert("I;16"), {}), (GRAY.convert("LA"), {}), (COLOR, {"transparency": (1, 2, 3)}), (COLOR, FRAMES),
    ],
    "PPM": [(COLOR, {}), (GRAY, {}), (GRAY.convert("1"), {}), (GRAY.convert("I"), {})],
    "TIFF": [
        (COLOR, METADATA), (COLOR, FRAMES), (PALETTE, {}), (GRAY.convert("F"), {}), (GRAY.convert("I;16"), {}),
        (ALPHA, {"compression": "tiff_lzw", "tiffinfo": {317: 2}}), (COLOR, {"compression": "jpeg"}),
        (COLOR.convert("YCbCr"), {"compression": "jpeg"}), (COLOR.convert("CMYK"), {"compression": "packbits"}),
        (GRAY.convert("1"), {"compression": "group3"}), (GRAY.convert("1"), {"compression": "group4"}),
        (COLOR, {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 7}}),
        (COLOR, {"compression": "tiff_adobe_deflate", **METADATA}),
    ],
    "WEBP": [
        (COLOR, {}), (COLOR, METADATA), (ALPHA, {}), (ALPHA, {"lossless": True, **METADATA}), (COLOR, {"lossless": True}),
        (COLOR, {**FRAMES, **METADATA}), (ALPHA, {**FRAMES, "lossless": True}),
    ],
}  # fmt: skip
CASES = [(name, *case) for name, cases in IMAGES.items() for case in cases]


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def test_every_format_is_tested():
    assert set(IMAGES) == set(FORMATS)


@pytest.mark.parametrize(("name", "image", "options"), CASES)
def test_minimal_file_has_the_first_frame_without_metadata(name, image, options):
    content = encode(image, name, **options)
    encoded = parse_image("a.file", content)
    assert encoded.format == name
    assert encoded.orientation == (6 if "exif" in options else 1)
    minimal = Image.open(io.BytesIO(encoded.content), formats=[name])
    assert minimal.size == (encoded.width, encoded.height)
    assert minimal.size == image.size
    minimal.load()
    assert not {"exif", "icc_profile", "xmp", "comment", "Comment"} & set(minimal.info)
    if name != "TIFF":  # whose unused bytes stay where they are
        assert b"SECRET" not in encoded.content
    expected = pixels(content)
    if name == "TIFF" and "exif" in options:  # which Pillow turns upright
        expected = np.rot90(expected)
    np.testing.assert_array_equal(pixels(encoded.content), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_incomplete_header(name):
    content = encode(COLOR, name)
    for length in range(9):
        with pytest.raises(CorruptFileError, match="^a.file must "):
            parse_image("a.file", content[:length])
