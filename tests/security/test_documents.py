"""PDF documents and HEIC images that would take minutes or gigabytes end within the limits.

They are decoded in a process of its own, so that a decoder that crashes, hangs or takes all memory
ends that process only.
"""

import contextlib
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.images import decoder_process
from mnistcnn.images.decoder_process import DecoderProcess
from mnistcnn.images.documents import load_page, open_document

pytest.importorskip("pypdfium2")
pillow_heif = pytest.importorskip("pillow_heif")

needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="the memory limit needs Linux")


def pdf(*objects, trailer=b""):
    """Return a document of objects, from number 1, the catalog."""
    content = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, value in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content += b"trailer\n<</Size %d /Root 1 0 R %b>>\n" % (len(objects) + 1, trailer)
    return bytes(content + b"startxref\n%d\n%%%%EOF\n" % start)


def stream(data, entries=b""):
    return b"<</Length %d %b>>\nstream\n%b\nendstream" % (len(data), entries, data)


def one_page(content, *objects, box=b"0 0 200 100", resources=b""):
    """Return a document of one page; its further objects have the numbers 5, 6, ..."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<<%b>>>>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page % (box, resources),
        stream(content),
        *objects,
    )


def form_bomb(depth, count):
    """Return a page that draws count ** depth rectangles, with forms that draw forms."""
    forms = [
        stream(
            b"/F Do " * count if level < depth else b"0 0 50 50 re f " * count,
            b"/Type/XObject/Subtype/Form/BBox[0 0 200 100]"
            + (b"/Resources<</XObject<</F %d 0 R>>>>" % (6 + level) if level < depth else b""),
        )
        for level in range(depth + 1)
    ]
    return one_page(b"/F Do", *forms, resources=b"/XObject<</F 5 0 R>>")


def image_bomb(side):
    """Return a page with an image of a few kilobytes that unpacks to side ** 2 pixels."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(side)) for _ in range(side)) + packer.flush()
    entries = (
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        b"/Filter/FlateDecode" % (side, side)
    )
    return one_page(
        b"200 0 0 100 0 0 cm /I Do", stream(data, entries), resources=b"/XObject<</I 5 0 R>>"
    )


def stream_bomb(num_bytes):
    """Return a page whose content is packed a thousand times, twice."""
    packer = zlib.compressobj(9)
    data = packer.compress(b" " * (1 << 20)) if num_bytes <= 1 << 20 else b""
    while num_bytes > 0:
        data += packer.compress(b" " * (1 << 20))
        num_bytes -= 1 << 20
    data = zlib.compress(data + packer.flush(), 9)
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R>>",
        stream(data, b"/Filter[/FlateDecode/FlateDecode]"),
    )


ENCRYPT = b"/Encrypt<</Filter/Standard/V 1/R 2/P -1/O(%b)/U(%b)>>/ID[(a)(a)]" % (
    b"x" * 32,
    b"y" * 32,
)
DAMAGED = "picture must be an undamaged PDF document"
ENDED = (
    "that takes at most 1,000 MB of memory and 20 seconds to decode; the decoder ended without a "
    "result"
)


def error_message(content):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the callers check the text
        load_page(content)
    assert type(caught.value) in {CorruptFileError, ValueError}
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"), DAMAGED + "; PdfiumError: "),
        (pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 20000>>", b"<</Type/Page>>"), "picture must hold at most 10,000 pages; it holds 20,000"),
        (pdf(b"<</Type/Catalog/Pages 1 0 R>>"), None),
        (pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"7", trailer=ENCRYPT), "picture must be a PDF document without a password"),
        (one_page(b"")[:-200], DAMAGED + "; PdfiumError: "),
        (one_page(b"", box=b"0 0 0 0"), None),  # has a default size
        (one_page(b"", box=b"0 0 1e30 1e30"), None),
        (one_page(b"", box=b"0 0 100000 100000"), None),
        (one_page(b"", box=b"0 0 14400 0.01"), "picture must have sides of at most 30,000 pixels; received 40,000 × 1 pixels"),
        (one_page(b"/F Do", stream(b"/F Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>"), resources=b"/XObject<</F 5 0 R>>"), None),  # draws itself
        (b"%PDF-1.7\n" + bytes(1000), DAMAGED),
    ],
)  # fmt: skip
def test_malformed_documents(content, message):
    if message is None:
        image = load_page(content)
        assert image.width * image.height <= 12_000_000
    else:
        assert error_message(content).startswith(message)


@needs_limits
@pytest.mark.timeout(300)
def test_time_is_limited(monkeypatch):
    monkeypatch.setattr(decoder_process, "MAX_DECODER_SECONDS", 1)
    assert load_page(form_bomb(2, 9)).width == 556
    assert error_message(form_bomb(9, 30)) == f"{DAMAGED} {ENDED.replace('20', '1')}"


def test_elapsed_time_is_limited(monkeypatch):
    """Where no other limit exists, as on Windows; the processor may be idle."""
    monkeypatch.setattr(decoder_process, "_MAX_ELAPSED_SECONDS", 0.0)
    assert error_message(form_bomb(9, 30)).endswith(ENDED)


@needs_limits
@pytest.mark.parametrize(
    "content", [lambda: image_bomb(29_000), lambda: stream_bomb(2_000_000_000)], ids=["image", "stream"]
)  # fmt: skip
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_memory_is_limited(content, monkeypatch):
    """A page that takes too much is rejected, or rendered without what takes it."""
    monkeypatch.setattr(decoder_process, "MAX_DECODER_SECONDS", 6)
    with open_document(content()) as document:
        process = document._process._process
        image, message, peak = None, None, 0
        try:
            image = document.read(1)
        except CorruptFileError as error:
            message = str(error)
        if image is not None:
            lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
            (peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    assert message is None or message.endswith(ENDED.replace("20", "6"))
    assert peak < 1_300_000


def test_content_cannot_exceed_the_limit_of_a_file(monkeypatch):
    monkeypatch.setattr("mnistcnn.images.content.MAX_FILE_BYTES", 100)
    assert error_message(one_page(b"")).startswith("picture must hold at most 100 bytes; ")


def heic(**options):
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "white")).save(file, **options)
    return file.getvalue()


def with_declared_size(content, width, height):
    """Return a HEIC image whose properties declare another size."""
    position = content.index(b"ispe") + 8
    return content[:position] + struct.pack(">II", width, height) + content[position + 8 :]


def test_size_of_a_heic_image_is_checked_before_it_is_decoded():
    message = error_message(with_declared_size(heic(), 20_000, 20_000))
    assert message == "picture must hold at most 50 megapixels; received 20,000 × 20,000 pixels"


@pytest.mark.parametrize("length", [20, 100, 200, -20])
def test_truncated_heic_images(length):
    content = heic()[:length]
    assert error_message(content).startswith("picture must be an undamaged HEIC image; ")


def end_process(document):
    os.kill(document._process._process.pid, signal.SIGKILL)


def test_crash_of_the_decoder_is_an_error():
    with open_document(one_page(b"")) as document:
        end_process(document)
        with pytest.raises(CorruptFileError, match="the decoder ended without a result$"):
            document.read(1)


def test_process_ends_with_the_document():
    with open_document(one_page(b"")) as document:
        process = document._process._process
        assert process.poll() is None
    assert process.poll() is not None
    with contextlib.suppress(ZeroDivisionError), open_document(one_page(b"")) as document:
        process = document._process._process
        raise ZeroDivisionError
    assert process.poll() is not None


class FakeProcess:
    """A decoder that was taken over, and replies what it likes."""

    def __init__(self, replies):
        self.stdin, self.stdout = io.BytesIO(), io.BytesIO(replies)

    def kill(self):
        pass

    wait = kill


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        (b"x" * 100_000, b""),
        (b"[" * 9_000, b""),
        ({"num_pages": 1}, {"mode": [], "size": [9, 9], "original_size": [9, 9]}),
        ([], b""),
        ({"num_pages": "1"}, b""),
        ({"num_pages": 1}, b"{}"),
        ({"num_pages": 1}, {"mode": "RGB", "size": [10**6, 10**6], "original_size": [9, 9]}),
        ({"num_pages": 1}, {"mode": "RGB", "size": [-1, 9], "original_size": [9, 9]}),
        ({"num_pages": 1}, {"mode": "RGB", "size": [9, 9], "original_size": [9]}),
        ({"num_pages": 1}, {"mode": "P", "size": [9, 9], "original_size": [9, 9]}),
        ({"num_pages": 1}, {"mode": "RGB", "size": [9, 9], "original_size": [9, 9]}),  # no pixels
        ({"num_pages": 1}, {"error": "\x1b[2J" * 1000}),
        ({"num_pages": 1}, {"mode": "RGB", "size": [9, 9], "original_size": [10**6, 10**6]}),
    ],
)
def test_replies_of_the_process_are_not_trusted(header, reply, monkeypatch):
    lines = [
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in (header, reply)
    ]
    process = FakeProcess(b"".join(line + b"\n" for line in lines))
    monkeypatch.setattr(decoder_process.subprocess, "Popen", lambda *_, **__: process)
    with pytest.raises(ValueError, match=r"^picture ") as caught:
        DecoderProcess("picture", b"", "PDF").read(1)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_program_imports_nothing_of_the_package():
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='x'); "
        "sys.exit(any(name.startswith(('mnistcnn', 'numpy')) for name in sys.modules))"
    )
    command = [sys.executable, "-c", code, str(decoder_process._WORKER)]
    assert subprocess.run(command, check=False).returncode == 0
