"""Load test of ``mnistcnn serve`` on loopback, beside calls of the library.

    python -m benchmarks.inference.service [--requests 100000] [--quick]

Clients with persistent connections send pictures of three digits to POST /read, a tenth of the
requests, and single images to POST /predict. The same calls of the library run in this process, in
as many threads as there are clients; both take turns, so that both meet the same noise of the
machine. Each answer is compared with the result of the library. The memory of the service is read
after each turn from /proc, so this needs Linux. Results go to benchmarks/results/service.json; with
--quick they are only printed.
"""

import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.harness import argument_parser, package_versions, parse_args, write_results
from mnistcnn.utils.environment import cpu_count

_CLIENTS = 4  # connections at the same time
_TURNS = 20
_LIBRARY_SHARE = 0.1  # of the requests, made again as calls of the library
_READ_SHARE = 0.1
_START_SECONDS = 120
ENDPOINTS = ("read", "predict")


class Service:
    """A process that serves on a free port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        options = ["--port", str(self._port), "--log-level", "warning"]
        self._process = subprocess.Popen([sys.executable, "-m", "mnistcnn", "serve", *options])
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service must start; it did not")
            time.sleep(0.2)

    def _is_healthy(self) -> bool:
        connection = self.connect()
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_START_SECONDS)

    def memory_mib(self) -> float:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s*(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


class Work:
    """The bodies of requests, the same input for the library, and the results of the library."""

    def __init__(self) -> None:
        _, (images, _) = mnistcnn.load_data("digits")
        self._recognizer = mnistcnn.Recognizer(num_threads=1)
        page = 255 - np.hstack([np.pad(image, 12) for image in images[3:6]])
        file = io.BytesIO()
        Image.fromarray(page).save(file, "PNG")
        self._picture, self._image = file.getvalue(), images[:1]
        self.bodies = {
            "read": self._picture,
            "predict": json.dumps({"images": self._image.tolist()}).encode(),
        }
        self._expected: dict[str, Any] = {
            "read": self._recognizer.read(self._picture).to_dict(),
            "predict": self._recognizer.predict(self._image).tolist(),
        }

    def is_right(self, endpoint: str, answer: bytes) -> bool:
        """Return whether the answer of the service is the result of the library."""
        report = json.loads(answer)
        if endpoint == "predict":
            return bool(report["labels"] == self._expected["predict"])
        (page,) = report["images"]
        del page["image"]
        return bool(page == self._expected["read"])

    def call_library(self, endpoint: str) -> None:
        """Compute the result of a request."""
        if endpoint == "read":
            self._recognizer.read(self._picture)
        else:
            self._recognizer.predict(self._image)


def in_parallel(count: int, start: Callable[[], Callable[[], bool]]) -> dict[str, Any]:
    """Call functions `count` times in total; return the seconds, and how many calls succeeded.

    `start` returns the function for a thread.
    """

    def repeat(number: int) -> tuple[list[float], int]:
        call, seconds, succeeded = start(), [], 0
        for _ in range(number):
            started = time.perf_counter()
            succeeded += call()
            seconds.append(time.perf_counter() - started)
        return seconds, succeeded

    started = time.perf_counter()
    shares = [count // _CLIENTS + (index < count % _CLIENTS) for index in range(_CLIENTS)]
    with ThreadPoolExecutor(_CLIENTS) as threads:
        results = list(threads.map(repeat, shares))
    return {
        "elapsed": time.perf_counter() - started,
        "seconds": [value for seconds, _ in results for value in seconds],
        "succeeded": sum(succeeded for _, succeeded in results),
    }


def run_turn(service: Service, work: Work, endpoint: str, count: int) -> dict[str, Any]:
    """Send requests to an endpoint."""

    def start() -> Callable[[], bool]:
        connection = service.connect()

        def call() -> bool:
            connection.request("POST", f"/{endpoint}", work.bodies[endpoint])
            response = connection.getresponse()
            answer = response.read()
            return response.status == 200 and work.is_right(endpoint, answer)

        return call

    return in_parallel(count, start)


def run_library_turn(work: Work, endpoint: str, count: int) -> dict[str, Any]:
    """Make the calls of as many requests."""

    def call() -> bool:
        work.call_library(endpoint)
        return True

    return in_parallel(count, lambda: call)


def summarize_turns(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the throughput and the latencies of all turns."""
    seconds = np.concatenate([turn["seconds"] for turn in turns])
    return {
        "requests": len(seconds),
        "succeeded": sum(turn["succeeded"] for turn in turns),
        "per_second": len(seconds) / sum(turn["elapsed"] for turn in turns),
        "p50_ms": 1e3 * float(np.quantile(seconds, 0.5)),
        "p99_ms": 1e3 * float(np.quantile(seconds, 0.99)),
        "max_ms": 1e3 * float(seconds.max()),
    }


def measure(num_requests: int) -> dict[str, Any]:
    """Let the service and the library take turns."""
    work, service = Work(), Service()
    counts = {"read": round(num_requests * _READ_SHARE / _TURNS)}
    counts["predict"] = num_requests // _TURNS - counts["read"]
    turns: dict[str, list[dict[str, Any]]] = {
        f"{side}_{name}": [] for side in ("service", "library") for name in ENDPOINTS
    }
    try:
        for endpoint in ENDPOINTS:  # the threads of the service start
            run_turn(service, work, endpoint, 4 * _CLIENTS)
        memory = [service.memory_mib()]
        for _ in range(_TURNS):
            for endpoint, count in counts.items():
                turns[f"service_{endpoint}"].append(run_turn(service, work, endpoint, count))
                repeated = max(_CLIENTS, round(count * _LIBRARY_SHARE))
                turns[f"library_{endpoint}"].append(run_library_turn(work, endpoint, repeated))
            memory.append(service.memory_mib())
    finally:
        service.close()
    return {
        **{name: summarize_turns(each) for name, each in turns.items()},
        "clients": _CLIENTS,
        "memory_mib": [round(value, 1) for value in memory],
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "service.json")
    parser.add_argument("--quick", action="store_true", help="few requests; nothing is saved")
    parser.add_argument(
        "--requests", type=int, default=100_000, help="number of requests (default: %(default)s)"
    )
    options = parse_args(parser, argv)
    num_requests = 400 if options.smoke else 4_000 if options.quick else options.requests
    report = {
        "versions": package_versions("mnistcnn", "fastapi", "uvicorn", "onnxruntime"),
        "cores": cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        **measure(num_requests),
    }
    print(json.dumps(report, indent=1))
    if not options.quick:
        write_results(options.output, report)


if __name__ == "__main__":
    main()
