"""Pictures that would take decoders minutes or gigabytes are read or rejected within the limits."""

import json
import pathlib
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from tests.helpers import image_bombs
from tests.helpers.image_bombs import (
    blank,
    blank_file,
    encode,
    exif_bomb,
    extended_webp,
    gif,
    jpeg_segment,
    noise,
    png,
    png_chunk,
    strips,
    tiles,
    webp,
    webp_chunk,
    with_segments,
)

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(), reason="the memory limit needs Linux"
)
ROOT = pathlib.Path(__file__).parents[2]
# Processor time, and memory beyond that of the process before. Each picture takes at most 4 seconds
# on two cores of 2020; decoding takes at most 320 MB, reducing the pixels less.
MAX_SECONDS = 10
MAX_MEGABYTES = 480

SIDES = "must have sides of at most 30,000 pixels; received "
SIZE = "must hold at most 50 megapixels; received "
MEMORY = "must take at most 320 MB of memory to decode; it takes "
FORMATS = "must be an image in one of these formats: "
DAMAGED = "must be an undamaged image; "
JPEG = blank_file(64, 64, "JPEG")
PROGRESSIVE = {"progressive": True, "subsampling": 0}
LARGE = (8_000, 6_200)
GRAY_ROW = b"\xff" * 30_000


def array(shape, dtype="uint8", *, shared=False):
    return json.dumps({"shape": shape, "dtype": dtype, "shared": shared}).encode()


def deflated(count):
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(count)), packer.flush()])


def ppm(header, size):
    return header + b"\xff" * size


def cyclic(content):
    """Return a TIFF whose first directory is also the next one."""
    return content[:-4] + content[4:8]


def mpo(count):
    frames = [noise(64, 64)] * (count - 1)
    return encode(noise(64, 64), "MPO", save_all=True, append_images=frames)


# By name: the content of a file, and how the message begins.
REJECTED = {
    # Shapes
    "a column.png": (lambda: png(1, 12_000_000), SIDES + "1 × 12,000,000"),
    "a row.png": (lambda: png(12_000_000, 1), SIDES + "12,000,000 × 1"),
    "a column.gif": (lambda: gif(screen=(1, 65_535)), SIDES + "8 × 65,535"),
    "a column.jpg": (lambda: encode(blank(1, 65_000), "JPEG"), SIDES + "1 × 65,000"),
    "a column.bmp": (lambda: encode(blank(1, 400_000), "BMP"), SIDES + "1 × 400,000"),
    "a column.ppm": (lambda: encode(blank(1, 400_000), "PPM"), SIDES + "1 × 400,000"),
    "a column.tif": (lambda: encode(blank(1, 400_000), "TIFF"), SIDES + "1 × 400,000"),
    # Arrays
    "a shared boolean array.json": (lambda: array((50_000_000, 1), "bool", shared=True), SIDES),
    # PNG
    "10 million chunks before.png": (lambda: png(8, 8, before=png_chunk(b"abCD") * 10_000_000), "must hold at most 100,000 PNG chunks"),
    "10 million chunks after.png": (lambda: png(8, 8, after=png_chunk(b"abCD") * 10_000_000), "must hold at most 100,000 PNG chunks"),
    "2 million texts.png": (lambda: png(8, 8, before=png_chunk(b"tEXt", b"a\0b") * 2_000_000), "must hold at most 100,000 PNG chunks"),
    "large palette.png": (lambda: png(8, 8, before=png_chunk(b"PLTE", bytes(100_000_000))), "must have a chunk PLTE of at most 768 bytes; it has 100,000,000"),
    "large transparency.png": (lambda: png(8, 8, before=png_chunk(b"tRNS", bytes(100_000_000))), "must have a chunk tRNS of at most 256 bytes; it has 100,000,000"),
    # JPEG
    "50 megapixels, progressive in full.jpg": (lambda: blank_file(*LARGE, "JPEG", **PROGRESSIVE), MEMORY + "347 MB"),
    "1,000 scans.jpg": (lambda: image_bombs.jpeg_of_scans(3_000, 3_000, 980), "must have at most 111 JPEG scans at its size; it has 986"),
    "3 million comments.jpg": (lambda: with_segments(JPEG, jpeg_segment(0xFE) * 3_000_000), "must hold at most 1,000 JPEG segments"),
    "3 million restarts.jpg": (lambda: with_segments(JPEG, b"\xff\xd0" * 3_000_000), "must hold at most 1,000 JPEG segments"),
    "a long table.jpg": (lambda: with_segments(JPEG, jpeg_segment(0xDB, bytes(65_000))), "must have JPEG tables of at most 4,096 bytes; it has 65,000"),
    "two frames.jpg": (lambda: with_segments(JPEG, jpeg_segment(0xC0, b"\x08\xff\xff\xff\xff\1\1\x11\0")), "must be a JPEG image with one baseline or progressive frame"),
    # GIF
    "12 million comments.gif": (lambda: gif(b"!\xfe" + b"\1a" * 12_000_000 + b"\0"), "must hold at most 100,000 GIF blocks"),
    "1 million extensions.gif": (lambda: gif(b"!\xfe\0" * 1_000_000), "must hold at most 100,000 GIF blocks"),
    "garbage.gif": (lambda: gif(b"x" * 100_000_000), "must hold at most 100,000 GIF blocks"),
    "frame beyond the screen.gif": (lambda: gif(frame=(30_000, 30_000, 30_000, 30_000)), SIZE + "60,000 × 60,000"),
    "large disposal.gif": (lambda: gif(screen=LARGE, frame=(0, 0, *LARGE), disposal=2), DAMAGED),
    # TIFF
    "50 megapixels in one strip.tif": (lambda: strips(7_000, 7_000, deflated(147), compression=8, samples=3, photometric=2), MEMORY),
    "30,000 long strips.tif": (lambda: strips(30, 30_000, bytes(1_000_000), rows=1, compression=5), DAMAGED + "its TIFF strips are longer"),
    "1 million strips.tif": (lambda: strips(8, 1_000_000, bytes(8), rows=1), "must have at most 40,000 values in its TIFF tag 273; it has 1,000,000"),
    "huge tile.tif": (lambda: tiles(8, 8, 2**16, 2**16, deflated(1)), MEMORY + "4,295 MB"),
    "tiles without size.tif": (lambda: tiles(4_000, 3_000, 0, 0, bytes(9)), DAMAGED),
    "lzma.tif": (lambda: strips(8, 8, bytes(64), compression=34_925), "must be a TIFF image with compression 1, 2, 3, 4, 5, 7, 8, 32773, 32946; it has 34925"),
    "1,000 scans.tif": (lambda: strips(3_000, 3_000, image_bombs.jpeg_of_scans(3_000, 3_000, 980), compression=7), "must have at most 20 JPEG scans in a TIFF strip; it has 986"),
    "large JPEG tables.tif": (lambda: strips(64, 64, encode(blank(64, 64, "L"), "JPEG"), compression=7, t347=(7, [0] * 100_000)), "must have at most 65,536 values in its TIFF tag 347; it has 100,000"),
    "strips without lengths.tif": (lambda: strips(8, 30_000, JPEG * 900, rows=1, compression=7, t279=(4, [0])), "must have a length for each of its 30,000 TIFF strips; it has 1"),
    "1,000 scans in a strip without length.tif": (lambda: strips(64, 64, image_bombs.jpeg_of_scans(64, 64, 980), compression=7, t279=(4, [0])), "must have at most 20 JPEG scans in a TIFF strip; it has 986"),
    "40,000 times the same half.tif": (lambda: strips(1_000, 2_000, bytes(1_000_000), rows=1_000, t273=(4, [8] * 40_000)), "must have at most 2 TIFF strips at its size; it has 40,000"),
    "strips one byte apart.tif": (lambda: strips(30_000, 200, bytes(3_000_001), rows=100, t273=(4, [8, 9])), DAMAGED + "its TIFF strips overlap"),
    "huge tile in a strip.tif": (lambda: strips(8, 8, deflated(1), compression=8, t322=(4, [2**16]), t323=(4, [2**16])), MEMORY + "4,295 MB"),
    "many samples.tif": (lambda: strips(64, 64, bytes(64 * 64), compression=8, samples=60_000), "must have at most 16 values in its TIFF tag 258; it has 60,000"),
    # WebP
    "50 megapixels.webp": (lambda: blank_file(*LARGE, "WEBP"), MEMORY + "793 MB"),
    "50 megapixels, lossless.webp": (lambda: blank_file(*LARGE, "WEBP", lossless=True), MEMORY + "79"),
    "65,536 Huffman codes.webp": (lambda: image_bombs.webp_of_huffman_groups(1024, 1024, 1 << 16), MEMORY),
    "2 million chunks.webp": (lambda: webp(webp_chunk(b"abcd", b"") * 2_000_000), FORMATS),
    "2 million chunks before.webp": (lambda: extended_webp(64, 64, 0, webp_chunk(b"abcd", b"") * 2_000_000, blank_file(64, 64, "WEBP")[12:]), "must hold at most 100,000 WebP chunks"),
    # PPM and BMP
    "text of comments.ppm": (lambda: b"P3\n3 3\n255\n" + b"#\n" * 2_000_000, FORMATS),
    "text of pixels.pgm": (lambda: b"P2\n3000 3000\n255\n" + b"1 " * 9_000_000, FORMATS),
    "long comment.ppm": (lambda: ppm(b"P6\n#" + b"x" * 4_000_000 + b"\n8 8\n255\n", 192), "must have 3 numbers in its first 1,024 bytes; it has 0"),
    "other range.ppm": (lambda: ppm(b"P6\n4000 3000\n254\n", 36_000_000), "must have the highest value 255, or 65535 in a PGM file; it has 254"),
    "long number.pgm": (lambda: b"P5\n" + b"9" * 1000 + b" 8 255\n", "must have 3 numbers"),
    "run lengths.bmp": (lambda: image_bombs.bmp_of_runs(4_000, 3_000, 20_000_000), "must be an uncompressed BMP image; its compression is 1"),
    "160 MB.bmp": (lambda: b"BM" + bytes(160_000_000), "must hold at most 160,000,000 bytes; it holds 160,000,002"),
}  # fmt: skip
# By name: the content of a file.
READ = {
    # Shapes
    "a long column.png": lambda: png(1, 30_000),
    "a long row.png": lambda: png(30_000, 1),
    "a long strip.png": lambda: png(1_666, 30_000),
    "a wide strip.png": lambda: png(30_000, 1_666, color=2),
    # Arrays
    "an RGBA array.json": lambda: array((6_200, 8_000, 4)),
    "a float64 array.json": lambda: array((6_200, 8_000), "float64"),
    "a shared float64 array.json": lambda: array((6_200, 8_000, 4), "float64", shared=True),
    "a shared int64 array.json": lambda: array((6_200, 8_000, 3), "int64", shared=True),
    "a shared uint16 array.json": lambda: array((30_000, 1_600, 4), "uint16", shared=True),
    # PNG
    "50 megapixels.png": lambda: png(*LARGE, color=2),
    "50 megapixels with alpha.png": lambda: png(*LARGE, color=6),
    "50 megapixels of 16 bits.png": lambda: png(*LARGE, depth=16),
    "50 megapixels of 64 bits.png": lambda: png(*LARGE, depth=16, color=6),
    "50 megapixels, interlaced.png": lambda: image_bombs.interlaced_png(*LARGE),
    "noise.png": lambda: encode(noise(6_000, 5_000), "PNG", compress_level=1),
    "99,000 chunks.png": lambda: png(8, 8, before=png_chunk(b"tEXt", b"a\0b") * 99_000),
    "99,000 chunks of data.png": lambda: image_bombs.png_of_empty_data(99_000),
    "large text.png": lambda: png(8, 8, before=png_chunk(b"iTXt", b"a\0\0\0\0\0" + b"b" * 50_000_000)),
    "text bombs.png": lambda: png(8, 8, before=png_chunk(b"zTXt", b"a\0\0" + deflated(100)) * 100),
    "profile bomb.png": lambda: png(8, 8, before=png_chunk(b"iCCP", b"a\0\0" + deflated(300))),
    "large EXIF.png": lambda: png(8, 8, before=png_chunk(b"eXIf", b"MM\0*\0\0\0\x08" + image_bombs.tiff_entries(60_000, 90_000_000) + bytes(90_000_000))),
    "EXIF of many tags.png": lambda: png(8, 8, before=png_chunk(b"eXIf", b"MM\0*\0\0\0\x08" + image_bombs.tiff_entries(65_535, 700_000))),
    "more data than pixels.png": lambda: png(8, 8, data=deflated(300)),
    # JPEG
    "50 megapixels.jpg": lambda: blank_file(*LARGE, "JPEG"),
    "50 megapixels, CMYK.jpg": lambda: blank_file(*LARGE, "JPEG", "CMYK"),
    "50 megapixels, progressive.jpg": lambda: blank_file(*LARGE, "JPEG", progressive=True),
    "950 small scans.jpg": lambda: image_bombs.jpeg_of_scans(1_000, 1_000, 950),
    "100 scans.jpg": lambda: image_bombs.jpeg_of_scans(3_000, 3_000, 100),
    "20 scans of 50 megapixels.jpg": lambda: image_bombs.jpeg_of_scans(*LARGE, 10),
    "900 large comments.jpg": lambda: with_segments(JPEG, jpeg_segment(0xFE, bytes(65_000)) * 900),
    "900 tables.jpg": lambda: with_segments(JPEG, jpeg_segment(0xDB, (b"\0" + b"\1" * 64) * 60) * 900),
    "large profile.jpg": lambda: with_segments(JPEG, *(jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 255]) + bytes(65_000)) for i in range(1, 256))),
    "EXIF bomb.jpg": lambda: with_segments(JPEG, exif_bomb()),
    "long EXIF bomb.jpg": lambda: with_segments(JPEG, exif_bomb(), *[jpeg_segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 900),
    "MPO bomb.jpg": lambda: with_segments(JPEG, exif_bomb(0xE2, b"MPF\0")),
    "many images.mpo": lambda: mpo(200),
    "garbage.jpg": lambda: JPEG[:20] + bytes(50_000_000) + JPEG[20:],
    "stuffed zeros.jpg": lambda: JPEG[:-2] + b"\xff\0" * 25_000_000 + JPEG[-2:],
    "fill bytes.jpg": lambda: JPEG[:-2] + b"\xff" * 50_000_000 + JPEG[-2:],
    "restarts.jpg": lambda: JPEG[:-2] + b"\xff\xd0" * 25_000_000 + JPEG[-2:],
    # GIF
    "50 megapixels.gif": lambda: encode(blank(*LARGE, "P"), "GIF"),
    "noise in small blocks.gif": lambda: image_bombs.gif_of_one_byte_blocks(3_000, 3_000),
    "large comment.gif": lambda: gif(b"!\xfe" + (b"\xff" + bytes(255)) * 90_000 + b"\0"),
    "blocks after the pixels.gif": lambda: gif(more=b"\1a" * 50_000_000),
    # TIFF
    "50 megapixels.tif": lambda: encode(blank(7_000, 7_000), "TIFF", compression="tiff_lzw"),
    "30 megapixels in one strip.tif": lambda: strips(6_000, 5_000, deflated(90), compression=8, samples=3, photometric=2),
    "45 megapixels, raw.tif": lambda: encode(blank(6_700, 6_700, "L"), "TIFF"),
    "50 megapixels of fax.tif": lambda: encode(blank(*LARGE, "1"), "TIFF", compression="group4"),
    "50 megapixels of floats.tif": lambda: encode(Image.new("F", LARGE, 0.5), "TIFF", compression="tiff_adobe_deflate"),
    "60,000 large tags.tif": lambda: image_bombs.tiff_of_large_tags(60_000, 50_000_000),
    "30,000 strips.tif": lambda: encode(blank(30, 30_000, "L"), "TIFF", compression="tiff_lzw", tiffinfo={278: 1}),
    "tiny tiles.tif": lambda: tiles(4_000, 3_000, 1, 1, bytes(9), compression=1, count=40_000),
    "deflate bomb.tif": lambda: strips(8, 8, deflated(300), compression=8),
    "a page that follows itself.tif": lambda: cyclic(strips(64, 64, bytes(64 * 64))),
    # WebP
    "18 megapixels.webp": lambda: blank_file(5_000, 3_600, "WEBP"),
    "18 megapixels, lossless.webp": lambda: blank_file(5_000, 3_600, "WEBP", lossless=True),
    "18 megapixels with alpha.webp": lambda: blank_file(5_000, 3_600, "WEBP", "RGBA"),
    "20,000 Huffman codes.webp": lambda: image_bombs.webp_of_huffman_groups(600, 600, 20_000),
    "10,000 frames.webp": lambda: image_bombs.animated_webp(1_000, 1_000, 10_000),
    "large frames.webp": lambda: image_bombs.animated_webp(4_000, 4_000, 50),
    "large metadata.webp": lambda: extended_webp(64, 64, 0x2C, webp_chunk(b"ICCP", bytes(50_000_000)), blank_file(64, 64, "WEBP")[12:], webp_chunk(b"EXIF", bytes(50_000_000)), webp_chunk(b"XMP ", bytes(50_000_000))),
    # PPM and BMP
    "45 megapixels.ppm": lambda: ppm(b"P6\n6700 6700\n255\n", 3 * 6_700**2),
    "50 megapixels.pgm": lambda: ppm(b"P5\n7000 7000\n65535\n", 2 * 7_000**2),
    "45 megapixels.bmp": lambda: encode(blank(6_700, 6_700), "BMP"),
}  # fmt: skip


def run(folder, contents):
    """Return what reading each file costs, by its name."""
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content())
    program = ROOT / "tests/helpers/peak_memory.py"
    command = [sys.executable, str(program), str(folder)]
    result = subprocess.run(command, capture_output=True, check=False, cwd=folder.parent)
    assert not result.returncode, result.stderr
    for name in contents:
        (folder / name).unlink()
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def rejected(tmp_path_factory):
    contents = {name: content for name, (content, _) in REJECTED.items()}
    return run(tmp_path_factory.mktemp("rejected") / "pictures", contents)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    return run(tmp_path_factory.mktemp("read") / "pictures", READ)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", REJECTED)
def test_rejected_within_a_second_and_200_mb(name, rejected):
    error, message, seconds, megabytes = rejected[name]
    assert error in {"CorruptFileError", "ValueError"}
    assert f" {REJECTED[name][1]}" in message
    assert seconds < 1
    assert megabytes < 200


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("name", READ)
def test_read_within_the_limits(name, read):
    error, message, seconds, megabytes = read[name]
    assert error is None, message
    assert seconds < MAX_SECONDS
    assert megabytes < MAX_MEGABYTES
