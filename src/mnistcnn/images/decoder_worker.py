"""Program that decodes a PDF document or a HEIC image, in a process of its own.

    python decoder_worker.py

The decoders are large programs in C++ with a history of defects. Here they can't take more memory
or time than the limits, and a crash ends this process only. `mnistcnn.images.decoder_process`
starts it and describes the messages. The program imports nothing of the package, so that it starts
fast.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Callable
from typing import IO, Any

# Points per inch, the unit of PDF.
_POINTS = 72


def main() -> None:
    """Open the document that comes on standard input, and send each page that is requested."""
    requests, replies = sys.stdin.buffer, _take_standard_output()
    settings = json.loads(requests.readline())
    sys.path[:] = settings["path"]
    content = requests.read(settings["num_bytes"])
    try:
        open_file = {"HEIC": _open_heic, "PDF": _open_pdf}[settings["format"]]
        # The libraries are imported before the limit, which does not count them.
        opener = open_file(settings)
        _limit_memory(settings["max_bytes"])
        _limit_time(settings["max_seconds"])
        header, read_page = opener(content)
        del content
    except Exception as error:  # noqa: BLE001  # decoders raise any
        _send(replies, {"error": _describe(error)})
        return
    _send(replies, header)
    while line := requests.readline():
        _limit_time(settings["max_seconds"])
        try:
            image, size = read_page(int(line))
            pixels = image.tobytes()
            reply = {"mode": image.mode, "size": image.size, "original_size": size}
        except Exception as error:  # noqa: BLE001
            reply, pixels = {"error": _describe(error)}, b""
        _send(replies, reply, pixels)


def _take_standard_output() -> IO[bytes]:
    """Return standard output; what libraries print to it later is discarded."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return replies


def _send(replies: IO[bytes], reply: dict[str, Any], pixels: bytes = b"") -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.write(pixels)
    replies.flush()


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip()[:1000]


def _limit_memory(num_bytes: int) -> None:
    """Limit the memory beyond what is in use, on Linux."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # starts fast
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + num_bytes, used + num_bytes))


def _limit_time(seconds: int) -> None:
    """End the process after some more seconds of processor time."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        limit = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
        _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard_limit))


# Returns the pixels and the original size of a page.
_ReadPage = Callable[[int], tuple[Any, tuple[int, int]]]


def _open_pdf(settings: dict[str, Any]) -> Callable[[bytes], tuple[dict[str, Any], _ReadPage]]:
    import pypdfium2
    from PIL import Image  # noqa: F401  # to_pil needs it

    def open_content(content: bytes) -> tuple[dict[str, Any], _ReadPage]:
        document = pypdfium2.PdfDocument(content)

        def read_page(number: int) -> tuple[Any, tuple[int, int]]:
            page = document[number - 1]
            scale = _pdf_scale(page.get_size(), settings["dpi"], settings["max_pixels"])
            image = page.render(scale=scale, rev_byteorder=True).to_pil()
            page.close()
            return image, image.size

        return {"num_pages": len(document)}, read_page

    return open_content


def _pdf_scale(size: tuple[float, float], dpi: int, max_pixels: int) -> float:
    """Return the scale of a page in points; of a large one, such that it has `max_pixels`.

    Photos often have a point per pixel.
    """
    # The size is rounded up, also if it is an integer to within rounding errors.
    width, height = size
    scale = dpi / _POINTS * (1 - 1e-5)
    while math.ceil(width * scale) * math.ceil(height * scale) > max_pixels:
        scale *= min(0.999, math.sqrt(max_pixels / (width * height)) / scale)
    return scale


def _open_heic(settings: dict[str, Any]) -> Callable[[bytes], tuple[dict[str, Any], _ReadPage]]:
    import pillow_heif
    from PIL import Image

    pillow_heif.options.DECODE_THREADS = 2
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False

    def open_content(content: bytes) -> tuple[dict[str, Any], _ReadPage]:
        file = pillow_heif.open_heif(io.BytesIO(content))

        def read_page(_: int) -> tuple[Any, tuple[int, int]]:
            image = file.to_pillow()  # turned upright
            size = image.size
            scale = math.sqrt(settings["max_pixels"] / (size[0] * size[1]))
            if scale < 1:
                width, height = (max(1, math.floor(scale * side)) for side in size)
                image = image.resize((width, height), Image.Resampling.BOX)
            return image, size

        return {"num_pages": 1, "size": file.size}, read_page

    return open_content


if __name__ == "__main__":
    main()
