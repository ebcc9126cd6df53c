"""Start eight processes at once on one empty cache, again and again, and count what they got.

    python -m benchmarks.robustness.concurrent_download --rounds 20

A server on this machine holds a small data set that passes for MNIST, and sends it slowly. In each
round eight new processes wait until all are ready and then call `load_data` with the same empty
cache folder. Right is a round in which all eight have the right data, the server was asked once,
and the cache holds the one file. Results go to benchmarks/results/concurrent_download.json.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import io
import json
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from mnistcnn.data import download, load
from mnistcnn.data.formats import IDX_NAMES, NPZ_NAMES, encode_idx
from mnistcnn.utils.atomic_write import write_text

FILE = Path(__file__).parents[1] / "results" / "concurrent_download.json"
PROCESSES = 8
SECONDS_TO_SEND = 0.3


class Server(http.server.ThreadingHTTPServer):
    """Sends one content, slowly, and counts how often."""

    def __init__(self, content: bytes) -> None:
        self.content, self.asked = content, 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a request with the content of the server."""

    server: Server

    def do_GET(self) -> None:  # the library's name
        """Send the content in two parts."""
        self.server.asked += 1
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:100])
        self.wfile.flush()
        time.sleep(SECONDS_TO_SEND)
        self.wfile.write(content[100:])

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def packed() -> tuple[bytes, dict[str, str]]:
    """Return an archive of scikit-learn's digits and the md5 of its four parts as IDX."""
    arrays = [array for split in mnistcnn.load_data("digits") for array in split]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(zip(NPZ_NAMES, arrays, strict=True)))
    sums = {
        name: hashlib.md5(encode_idx(array), usedforsecurity=False).hexdigest()
        for name, array in zip(IDX_NAMES, arrays, strict=True)
    }
    return buffer.getvalue(), sums


def work(address: str, sha256: str, sums: str, cache: str) -> None:
    """Wait for the word, load the data and print the md5 of each part."""
    download.MIRRORS = (download.Mirror(address, {"mnist.npz": sha256}),)
    load._MNIST_MD5 = json.loads(sums)  # noqa: SLF001  # the small set passes for MNIST
    import filelock  # noqa: F401  # so that all begin at the same moment
    import requests  # noqa: F401

    print("ready", flush=True)
    sys.stdin.readline()
    arrays = [array for split in mnistcnn.load_data(cache_dir=cache) for array in split]
    found = [hashlib.md5(encode_idx(array), usedforsecurity=False).hexdigest() for array in arrays]
    print(json.dumps(found), flush=True)


def one_round(cache: Path, processes: int = PROCESSES) -> dict[str, Any]:
    """Return how many processes had the right data, how often it was sent, and what lies there."""
    content, sums = packed()
    server = Server(content)
    words = [server.address, hashlib.sha256(content).hexdigest(), json.dumps(sums), str(cache)]
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120)[0] for process in started]
    server.shutdown()
    server.server_close()
    return {
        "right": sum(
            process.returncode == 0 and json.loads(answer) == list(sums.values())
            for process, answer in zip(started, answers, strict=True)
        ),
        "downloads": server.asked,
        "left": sorted(path.name for path in cache.iterdir() if path.name != "lock"),
    }


def main() -> int:
    """Run the rounds and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return 0
    rounds = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(one_round(Path(folder, "cache")))
        print(number, rounds[-1], flush=True)
    expected = {"right": PROCESSES, "downloads": 1, "left": ["mnist.npz"]}
    report = {
        "command": f"python -m benchmarks.robustness.concurrent_download --rounds {options.rounds}",
        "machine": platform.machine(),
        "processes": PROCESSES,
        "rounds": len(rounds),
        "right_rounds": sum(one == expected for one in rounds),
        "right_answers": sum(one["right"] for one in rounds),
        "downloads": sum(one["downloads"] for one in rounds),
    }
    write_text(FILE, json.dumps(report, indent=1) + "\n")
    return int(report["right_rounds"] != report["rounds"])


if __name__ == "__main__":
    raise SystemExit(main())
