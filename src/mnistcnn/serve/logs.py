"""Structured logs: a JSON object per line.

Neither bodies, query parameters nor addresses of clients are logged.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnistcnn.utils.text import escape

LOGGER = "mnistcnn.serve"
_FIELDS = "request"  # the attribute of a record that holds further fields


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_config(level: str) -> dict[str, Any]:
    """Return the configuration for ``logging.config.dictConfig``: all lines to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }


class RequestLog:
    """ASGI middleware that logs a line per request: method, path, status, size and time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = logging.getLogger(LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        fields = {"method": scope["method"], "path": escape(scope["path"]), "status": 500}
        received = 0

        async def count_received() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields["status"] = message["status"]
            await send(message)

        try:
            await self._app(scope, count_received, note_status)
        finally:
            fields |= {
                "bytes_received": received,
                "seconds": round(time.perf_counter() - started, 4),
            }
            # Kubernetes asks for the health every few seconds.
            is_check = scope["path"] == "/healthz" and fields["status"] == 200
            level = logging.DEBUG if is_check else logging.INFO
            self._logger.log(level, "request", extra={_FIELDS: fields})
