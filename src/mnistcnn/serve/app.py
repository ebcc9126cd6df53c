"""The ASGI application: its routes and its errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import mnistcnn
from mnistcnn import Recognizer
from mnistcnn.serve.computation import predict_images, read_document, warm_up
from mnistcnn.serve.drawing_page import drawing_page
from mnistcnn.serve.limits import RequestLimits
from mnistcnn.serve.logs import RequestLog
from mnistcnn.serve.schemas import (
    Failure,
    Health,
    PredictRequest,
    PredictResult,
    ReadOptions,
    ReadResult,
    Version,
    describe_violation,
)
from mnistcnn.serve.settings import Settings
from mnistcnn.utils.text import escape, quote

_DESCRIPTION = """Recognizes handwritten digits. No picture is stored or logged."""
_MAX_DETAIL_CHARS = 1000
_CLIENT_CLOSED_REQUEST = 499  # as nginx logs it; nobody receives it
_FAILURES: dict[int | str, dict[str, Any]] = {
    408: {"model": Failure, "description": "The request takes too long to arrive"},
    413: {"model": Failure, "description": "The body is too large"},
    422: {"model": Failure, "description": "The picture, the images or an option are invalid"},
    429: {"model": Failure, "description": "Too many requests at a time"},
    504: {"model": Failure, "description": "The request takes too long to compute"},
}
_READ_FAILURES = {
    **_FAILURES,
    415: {"model": Failure, "description": "The format is not supported by this server"},
}


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a body that the route receives itself, within limits."""
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


router = APIRouter()


@router.post(
    "/read",
    response_model=ReadResult,
    response_model_exclude_unset=True,
    responses=_READ_FAILURES,
    openapi_extra=_body("application/octet-stream", {"type": "string", "format": "binary"}),
    summary="Read the digits of a picture",
)
async def read(request: Request, options: Annotated[ReadOptions, Query()]) -> Response:
    """Read the handwritten digits of a scan, photo, screenshot or drawing.

    The body is the picture itself: a BMP, GIF, JPEG, PNG, PPM, TIFF or WebP file or, if the
    server has these extras, a PDF document or HEIC image. Its format is recognized by its content,
    whatever the content type says. The result is that of `mnistcnn read --json`.
    """
    if request.headers.get("Content-Type", "").lower().startswith("multipart/"):
        raise HTTPException(415, "the body must be the picture itself; received a multipart form")
    settings: Settings = request.app.state.settings
    recognizer: Recognizer = request.app.state.recognizer

    def read_body(content: bytes, deadline: float) -> dict[str, Any]:
        return read_document(
            recognizer,
            content,
            page=options.page,
            arguments=options.to_arguments(),
            max_pixels=settings.max_pixels,
            deadline=deadline,
        )

    return await _compute(request, read_body)


@router.post(
    "/predict",
    response_model=PredictResult,
    responses=_FAILURES,
    openapi_extra=_body("application/json", PredictRequest.model_json_schema()),
    summary="Classify images of 28 × 28 pixels",
)
async def predict(request: Request) -> Response:
    """Classify images in the format of MNIST: light ink on a dark background."""
    recognizer: Recognizer = request.app.state.recognizer

    def predict_body(content: bytes, _: float) -> dict[str, Any]:
        return predict_images(recognizer, content)

    return await _compute(request, predict_body)


async def _compute(
    request: Request, function: Callable[[bytes, float], dict[str, Any]]
) -> JSONResponse:
    """Return the result of a function of the body and its deadline, within the limits."""
    limits: RequestLimits = request.app.state.limits
    try:
        return JSONResponse(await limits.compute(request, function))
    except ValueError as error:
        raise HTTPException(422, escape(error, limit=_MAX_DETAIL_CHARS)) from None
    except ModuleNotFoundError as error:  # an extra
        raise HTTPException(415, escape(error)) from None


@router.get("/healthz", summary="Whether the server can answer")
async def healthz() -> Health:
    """Return the status. It is not subject to the limit of concurrent requests."""
    return Health(status="ok")


@router.get("/version", summary="The version of the package and its weights")
async def version(request: Request) -> Version:
    """Return the version of the package and the name of the weights."""
    weights = Path(request.app.state.settings.weights).name
    return Version(mnistcnn=mnistcnn.__version__, weights=weights)


@router.get("/", include_in_schema=False)
async def draw(request: Request) -> HTMLResponse:
    """Return the drawing page, which runs the network in the browser."""
    return HTMLResponse(request.app.state.page)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application.

    Parameters
    ----------
    settings : Settings, optional
        Default: those that the command ``mnistcnn serve`` has stored in the environment,
        otherwise the default settings.
    """
    settings = Settings.from_environment() if settings is None else settings
    app = FastAPI(
        title="mnistcnn",
        description=_DESCRIPTION,
        version=mnistcnn.__version__,
        lifespan=_lifespan,
        # The pages that show the description load scripts of a third party.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.include_router(router)
    app.add_middleware(RequestLog)
    app.add_exception_handler(HTTPException, _report_http_error)
    app.add_exception_handler(RequestValidationError, _report_invalid_option)
    app.add_exception_handler(ClientDisconnect, _note_disconnect)
    app.add_exception_handler(Exception, _report_internal_error)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    logging.captureWarnings(capture=True)  # into the structured log
    settings: Settings = app.state.settings
    # Each request has a thread.
    app.state.recognizer = Recognizer(settings.weights, num_threads=1)
    await asyncio.to_thread(warm_up, app.state.recognizer)
    app.state.page = drawing_page("/openapi.json")
    app.state.limits = RequestLimits(settings)
    yield
    app.state.limits.close()
    logging.captureWarnings(capture=False)


def _failure(status: int, detail: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)


async def _report_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _failure(error.status_code, error.detail, error.headers)


async def _report_invalid_option(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = escape(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        names = ", ".join(ReadOptions.model_fields)
        return _failure(422, f"query parameters must be among {names}; received {quote(name)}")
    return _failure(422, f"{describe_violation(name, first)}; received {quote(first['input'])}")


async def _note_disconnect(_: Request, error: Exception) -> Response:  # noqa: ARG001
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _report_internal_error(_: Request, error: Exception) -> Response:  # noqa: ARG001
    # The server logs the traceback.
    return _failure(500, "the server failed to answer because of an error of its own")
