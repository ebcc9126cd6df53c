"""Small or ordinary image files that take decoders much time or memory."""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image

MEGABYTE = 1_000_000


def encode(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def blank(width, height, mode="RGB"):
    return Image.new(mode, (width, height), "white")


@functools.cache
def blank_file(width, height, file_format, mode="RGB", **options):
    return encode(blank(width, height, mode), file_format, **options)


def noise(width, height, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


# PNG


def png_chunk(kind, content=b""):
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(width, height, *, depth=8, color=0, interlaced=0, before=b"", data=None, after=b""):
    """Return a blank PNG with further chunks before or after its data."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    if data is None:
        row = b"\0" + b"\xff" * (width * channels * depth // 8)
        packer = zlib.compressobj(1)
        data = b"".join([packer.compress(row * height), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    parts = [png_chunk(b"IHDR", header), before, png_chunk(b"IDAT", data), after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND")


def png_of_empty_data(count):
    whole = png(8, 8)
    start = whole.index(b"IDAT") - 4
    return whole[:start] + png_chunk(b"IDAT") * count + whole[start:]


def interlaced_png(width, height):
    """Return a PNG whose pixels are stored in seven passes."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]  # fmt: skip
    packer, data = zlib.compressobj(1), []
    for left, top, right, down in passes:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            data.append(packer.compress((b"\0" + b"\xff" * columns) * rows))
    return png(width, height, interlaced=1, data=b"".join([*data, packer.flush()]))


# JPEG


def jpeg_segment(marker, content=b""):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(jpeg, *segments):
    """Insert segments at the beginning of a JPEG."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg_of_scans(width, height, count):
    """Return a progressive JPEG whose last scan, of 30 bytes or so, is repeated."""
    jpeg = blank_file(width, height, "JPEG", "L", progressive=True)
    end = jpeg.rindex(b"\xff\xd9")
    scan = jpeg[jpeg.rindex(b"\xff\xda") : end]
    return jpeg[:end] + scan * count + jpeg[end:]


def tiff_entries(count, size, order=">"):
    """Return a directory of tags whose values are the same bytes, those of the whole file."""
    entries = (struct.pack(f"{order}HHII", (i + 1) % 65536, 7, size, 0) for i in range(count))
    return struct.pack(f"{order}H", count) + b"".join(entries) + bytes(4)


def exif_bomb(marker=0xE1, prefix=b"Exif\0\0"):
    """Return a segment whose directory has 5,000 values of 60,000 bytes each."""
    directory = tiff_entries(5_000, 60_000)
    return jpeg_segment(marker, prefix + b"MM\0*\0\0\0\x08" + directory)


# GIF


def gif(extensions=b"", *, screen=(8, 8), frame=(0, 0, 8, 8), more=b"", disposal=0):
    """Return a GIF with extensions before its frame, and more blocks after its pixels."""
    whole = encode(Image.new("L", (8, 8)), "GIF")
    data = whole[Image.open(io.BytesIO(whole)).tile[0][2] :].removesuffix(b"\0;")
    pixels = b"\x08" + data + more + b"\0"
    control = b"!\xf9\x04" + bytes([disposal << 2]) + bytes(4)
    head = b"GIF89a" + struct.pack("<HH", *screen) + b"\xf6\0\0" + bytes(3 * 128)
    return head + extensions + control + b"," + struct.pack("<4H", *frame) + b"\0" + pixels + b";"


def gif_of_one_byte_blocks(width, height):
    """Return a GIF whose pixels are stored in blocks of one byte."""
    whole = encode(noise(width, height, 1), "GIF")
    image = Image.open(io.BytesIO(whole))
    start = image.tile[0][2]
    blocks, position = [], start
    while length := whole[position]:
        block = np.frombuffer(whole, np.uint8, length, position + 1)
        blocks.append(np.stack([np.ones_like(block), block], axis=1).tobytes())
        position += 1 + length
    return whole[:start] + b"".join(blocks) + b"\0;"


# TIFF


def tiff(tags, data=b"", *, order="<", next_directory=0):
    """Return a TIFF with tags, given as type and values, and data at offset 8."""
    signature = b"II*\0" if order == "<" else b"MM\0*"
    extra, entries = [], []
    position = 8 + len(data) + len(data) % 2
    for tag, (kind, values) in sorted(tags.items()):
        layout = f"{order}{len(values)}{ {1: 'B', 3: 'H', 4: 'I', 7: 'B'}[kind] }"
        packed = struct.pack(layout, *values)
        if len(packed) > 4:
            extra.append(packed + bytes(len(packed) % 2))
            packed = struct.pack(f"{order}I", position)
            position += len(extra[-1])
        entries.append(struct.pack(f"{order}HHI4s", tag, kind, len(values), packed))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries)
    return b"".join([
        signature, struct.pack(f"{order}I", position), data, bytes(len(data) % 2), *extra,
        directory, struct.pack(f"{order}I", next_directory),
    ])  # fmt: skip


def strips(
    width, height, data, *, rows=None, compression=1, bits=8, samples=1, photometric=1, **tags
):
    """Return a TIFF of strips that all hold the same data; `tags` are named t1234."""
    rows = rows or height
    count = -(-height // rows)
    fields = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * samples), 259: (3, [compression]),
        262: (3, [photometric]), 273: (4, [8] * count), 277: (3, [samples]), 278: (4, [rows]),
        279: (4, [len(data)] * count), **{int(name[1:]): value for name, value in tags.items()},
    }  # fmt: skip
    return tiff(fields, data)


def tiles(width, height, tile_width, tile_height, data, *, compression=8, count=1):
    fields = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [8]), 259: (3, [compression]),
        262: (3, [1]), 277: (3, [1]), 322: (4, [tile_width]), 323: (4, [tile_height]),
        324: (4, [8] * count), 325: (4, [len(data)] * count),
    }  # fmt: skip
    return tiff(fields, data)


def tiff_of_large_tags(count, size):
    """Return a TIFF of 8 × 8 pixels with many tags that share their bytes."""
    whole = strips(8, 8, bytes(64))
    (start,) = struct.unpack_from("<I", whole, 4)
    (needed,) = struct.unpack_from("<H", whole, start)
    known = whole[start + 2 : start + 2 + 12 * needed]
    others = b"".join(struct.pack("<HHII", 1000 + i, 7, size, 8) for i in range(count))
    body = whole[8:start] + bytes(size)
    directory = struct.pack("<H", needed + count) + known + others + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory


# WebP


def webp_chunk(kind, content):
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended_webp(width, height, flags, *chunks):
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return webp(webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size), *chunks)


def animated_webp(width, height, count, *, lossless=True):
    """Return an animation of equal frames."""
    frame = blank_file(width, height, "WEBP", lossless=lossless)[12:]
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frames = webp_chunk(b"ANMF", bytes(6) + size + bytes(4) + frame) * count
    return extended_webp(width, height, 2, webp_chunk(b"ANIM", bytes(6)), frames)


class _BitWriter:
    """Writes bits, the lowest first."""

    def __init__(self):
        self.bits = []

    def write(self, value, count):
        self.bits.append((value >> np.arange(count) & 1).astype(np.uint8))

    def content(self):
        return np.packbits(np.concatenate(self.bits), bitorder="little").tobytes()


def webp_of_huffman_groups(width, height, count):
    """Return a lossless WebP in which blocks of 4 × 4 pixels use that many groups of codes."""
    writer = _BitWriter()
    writer.write(0x2F, 8)
    writer.write(width - 1, 14)
    writer.write(height - 1, 14)
    writer.write(0, 4)  # alpha, version
    writer.write(0, 2)  # no transform, no color cache
    writer.write(1, 1)  # several groups of codes, chosen by an image of their numbers
    writer.write(0, 3)  # blocks of 4 x 4
    writer.write(0, 1)  # no color cache
    all_bytes = [(0, 1), (8, 4), *[(0, 3)] * 11, (1, 3)]  # each code has 8 bits
    for field in (*all_bytes, (1, 1), (3, 3), (254, 8)):  # green: of the first 256 symbols
        writer.write(*field)
    for field in (*all_bytes, (0, 1)):  # red
        writer.write(*field)
    one_symbol = (1, 4)  # a simple code of the symbol 0
    for _ in range(3):  # blue, alpha, distance
        writer.write(*one_symbol)
    numbers = np.arange(-(-width // 4) * -(-height // 4)) % count
    codes = np.stack([numbers % 256, numbers // 256], axis=1).astype(np.uint8)
    writer.bits.append(np.unpackbits(codes.reshape(-1)))
    writer.bits.append(np.tile(np.array([1, 0, 0, 0], np.uint8), 5 * count))
    return webp(webp_chunk(b"VP8L", writer.content()))


# PPM and BMP


def bmp_of_runs(width, height, count):
    """Return a BMP of run lengths, whose moves lead nowhere."""
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + 40 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 256, 0)
    return head + info + bytes(1024) + b"\0\x02\0\0" * count
