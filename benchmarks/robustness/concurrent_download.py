"""Start eight processes at once with one empty cache, repeatedly, and count correct results.

    python -m benchmarks.robustness.concurrent_download --rounds 20

A local server offers a small data set in the place of MNIST and sends it slowly. In each round
eight new processes wait until all are ready and then call `load_data` with the same empty cache
folder. A round is correct if all eight have the correct data, the server was asked once, and the
cache holds the one file. Results go to benchmarks/results/concurrent_download.json.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import ROOT, argument_parser, parse_args, write_results
from mnistcnn.data.catalog import NAMED_DATASETS
from mnistcnn.data.download import Mirror
from mnistcnn.data.formats.idx import encode_idx
from mnistcnn.data.formats.npz import NPZ_NAMES

PROCESSES = 8
SECONDS_TO_SEND = 0.3


class SlowServer(http.server.ThreadingHTTPServer):
    """Serves one file, slowly, and counts the requests."""

    def __init__(self, content: bytes) -> None:
        self.content, self.num_requests = content, 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request with the content of the server."""

    server: SlowServer

    def do_GET(self) -> None:  # a name of the standard library
        """Send the content in two parts."""
        self.server.num_requests += 1
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:100])
        self.wfile.flush()
        time.sleep(SECONDS_TO_SEND)
        self.wfile.write(content[100:])

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


def archive_and_md5s() -> tuple[bytes, list[str]]:
    """Return an archive of scikit-learn's digits, and the md5 of its four arrays as IDX."""
    arrays = [array for split in mnistcnn.load_data("digits") for array in split]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(zip(NPZ_NAMES, arrays, strict=True)))
    return buffer.getvalue(), list(map(_md5, arrays))


def _md5(array: np.ndarray) -> str:
    return hashlib.md5(encode_idx(array), usedforsecurity=False).hexdigest()


def run_worker(address: str, sha256: str, md5s: str, cache: str) -> None:
    """Wait for the start signal, load the data and print the md5 of each array."""
    NAMED_DATASETS["mnist"] = dataclasses.replace(  # accept the small data set as MNIST
        NAMED_DATASETS["mnist"],
        mirrors=(Mirror(address, {"mnist.npz": sha256}),),
        array_md5=tuple(json.loads(md5s)),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    arrays = [array for split in mnistcnn.load_data(cache_dir=cache) for array in split]
    print(json.dumps(list(map(_md5, arrays))), flush=True)


def run_round(cache: Path, processes: int = PROCESSES) -> dict[str, Any]:
    """Return how many processes had the correct data, the requests, and the cached files."""
    content, md5s = archive_and_md5s()
    server = SlowServer(content)
    arguments = [server.address, hashlib.sha256(content).hexdigest(), json.dumps(md5s), str(cache)]
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.robustness.concurrent_download",
                "--worker",
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(processes)
    ]
    for process in workers:
        assert process.stdout is not None
        process.stdout.readline()
    for process in workers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in workers]
    server.shutdown()
    server.server_close()
    return {
        "correct": sum(
            process.returncode == 0 and json.loads(output) == md5s
            for process, output in zip(workers, outputs, strict=True)
        ),
        "downloads": server.num_requests,
        "cached_files": sorted(path.name for path in cache.iterdir() if path.name != "lock"),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rounds and save the results."""
    parser = argument_parser(__doc__, "concurrent_download.json")
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parse_args(parser, argv)
    if options.worker:
        run_worker(*options.worker)
        return 0
    num_rounds, processes = (1, 2) if options.smoke else (options.rounds, PROCESSES)
    rounds = []
    for number in range(num_rounds):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(run_round(Path(folder, "cache"), processes))
        print(number, rounds[-1], flush=True)
    expected = {"correct": processes, "downloads": 1, "cached_files": ["mnist.npz"]}
    report = {
        "command": f"python -m benchmarks.robustness.concurrent_download --rounds {num_rounds}",
        "machine": platform.machine(),
        "processes": processes,
        "rounds": len(rounds),
        "correct_rounds": sum(result == expected for result in rounds),
        "correct_results": sum(result["correct"] for result in rounds),
        "downloads": sum(result["downloads"] for result in rounds),
    }
    write_results(options.output, report)
    return int(report["correct_rounds"] != report["rounds"])


if __name__ == "__main__":
    raise SystemExit(main())
