"""The HTTP server that runs the application, in one or several processes."""

from __future__ import annotations

import uvicorn

from mnistcnn.serve.logs import log_config
from mnistcnn.serve.settings import Settings

# A process that does not respond for so long is replaced. While it starts on a busy machine, it
# does not respond either, and uvicorn's default of 5 seconds would then replace it forever.
_HEALTHCHECK_SECONDS = 60
_SHUTDOWN_SECONDS = 5  # beyond the time that a request may take


def serve(
    settings: Settings, *, host: str, port: int, num_workers: int, log_level: str = "info"
) -> None:
    """Serve until a signal arrives; then answer the requests that are accepted, and end.

    Parameters
    ----------
    settings : Settings
        Of the application.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 for any that is free.
    num_workers : int
        Number of processes. One that dies is replaced.
    log_level : {"debug", "info", "warning", "error"}
        The least severe level that is logged.
    """
    settings.to_environment()
    uvicorn.run(
        "mnistcnn.serve.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=num_workers,
        log_config=log_config(log_level),
        access_log=False,  # the application logs its requests
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_worker_healthcheck=_HEALTHCHECK_SECONDS,
        timeout_graceful_shutdown=int(settings.timeout) + _SHUTDOWN_SECONDS,
    )
