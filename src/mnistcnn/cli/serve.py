"""The command ``mnistcnn serve``: recognition as an HTTP service."""

from __future__ import annotations

import argparse
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments
from mnistcnn.cli.common import CommandError
from mnistcnn.utils.environment import cpu_count, require_extra

_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 8000
_MAX_PORT = 65_535
_LOG_LEVELS = ("debug", "info", "warning", "error")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        parents=[arguments.json_arguments()],
        help="read digits as an HTTP service (extra serve)",
        description="Serve POST /read, POST /predict, GET /healthz, GET /version, the OpenAPI "
        "description at /openapi.json and a page to draw on at /. Logs JSON lines to standard "
        "error; no picture is stored or logged. Ctrl-C or SIGTERM ends the service when the "
        "requests that it has accepted are answered.",
    )
    parser.add_argument(
        "--host",
        default=_DEFAULT_HOST,
        help="address to listen on; 0.0.0.0 for all (default: %(default)s, this machine only)",
    )
    parser.add_argument(
        "--port",
        type=_to_port,
        default=_DEFAULT_PORT,
        help="port to listen on; 0 for any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--weights",
        default="best",
        metavar="best|robust|FILE",
        help="pretrained weights, or a .onnx, .safetensors, .keras or .h5 model file "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=arguments.min_int(1),
        default=1,
        metavar="N",
        help="number of processes (default: %(default)s)",
    )
    _add_limits(parser)
    parser.add_argument(
        "--log-level",
        choices=_LOG_LEVELS,
        help="least severe level that is logged (default: info; error with --quiet)",
    )
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Add the limits; `Settings` checks their ranges."""
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=20_000_000,
        metavar="N",
        help="maximum size of a request (default: %(default)s)",
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=50_000_000,
        metavar="N",
        help="maximum number of pixels of a picture (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="time until a request must be received, and then until it must be answered "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="requests that each process computes at the same time (default: the number of cores, "
        "divided among the processes)",
    )
    parser.add_argument(
        "--max-waiting",
        type=int,
        default=16,
        metavar="N",
        help="further requests that each process accepts (default: %(default)s)",
    )


def _to_port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"must lie in 0...{_MAX_PORT}; received {port}")
    return port


_to_port.__name__ = "integer"  # argparse prints: invalid integer value


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Serve until a signal arrives."""
    try:
        for module in ("fastapi", "uvicorn"):
            require_extra("mnistcnn serve", module, "serve")
    except ModuleNotFoundError as error:
        raise CommandError(str(error)) from None
    from mnistcnn.serve.server import serve
    from mnistcnn.serve.settings import Settings

    concurrency = options.concurrency
    if concurrency is None:
        concurrency = max(1, cpu_count() // options.workers)
    # Checked here, since the other processes would report an error with a traceback.
    mnistcnn.Recognizer(options.weights)
    serve(
        Settings(
            weights=options.weights,
            max_bytes=options.max_bytes,
            max_pixels=options.max_pixels,
            timeout=options.timeout,
            concurrency=concurrency,
            max_waiting=options.max_waiting,
        ),
        host=options.host,
        port=options.port,
        num_workers=options.workers,
        log_level=options.log_level or ("error" if options.quiet else "info"),
    )
    return {"served": f"{options.host}:{options.port}"}
