"""Limits of size, time and concurrency of requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mnistcnn.serve.settings import Settings

_Result = TypeVar("_Result")
_RETRY_SECONDS = 1


class RequestLimits:
    """Admits, receives and computes requests within the limits of the settings.

    A request that is admitted takes a place until its computation ends, also if its time is over
    before: a thread can't be stopped. So the memory and the processor time of all requests are
    bounded.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._capacity = settings.concurrency + settings.max_waiting
        self._free_places = threading.BoundedSemaphore(self._capacity)
        self._threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="mnistcnn")

    def close(self) -> None:
        """End the threads when what they compute is computed."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def compute(
        self, request: Request, function: Callable[[bytes, float], _Result]
    ) -> _Result:
        """Return the result of a function of the body of a request and of its deadline.

        Raises
        ------
        HTTPException
            If the request exceeds a limit.
        """
        if not self._free_places.acquire(blocking=False):
            await self._discard_body(request)
            raise HTTPException(
                429,
                f"at most {self._capacity} requests at a time are accepted; try again later",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        with self._place() as hold_until:
            body = await self._receive(request)
            deadline = time.monotonic() + self._settings.timeout
            future = self._threads.submit(function, body, deadline)
            hold_until(future)
            del body
            try:
                return await asyncio.wait_for(asyncio.wrap_future(future), self._settings.timeout)
            except TimeoutError:
                raise HTTPException(
                    504,
                    f"the request must be answered within {self._settings.timeout:g} seconds; it "
                    "takes longer",
                ) from None

    @contextmanager
    def _place(self) -> Iterator[Callable[[Future[Any]], None]]:
        """Free a place at the end, or when the future is done that the block passes."""
        futures: list[Future[Any]] = []
        try:
            yield futures.append
        finally:
            if futures:
                futures[0].add_done_callback(lambda _: self._free_places.release())
            else:
                self._free_places.release()

    async def _receive(self, request: Request) -> bytes:
        maximum, declared = self._settings.max_bytes, request.headers.get("Content-Length", "")
        too_large = f"the body must hold at most {maximum:,} bytes; it holds "
        if declared.isdecimal() and int(declared[:20]) > maximum:
            await self._discard_body(request)
            raise HTTPException(413, f"{too_large}{int(declared[:20]):,}")
        chunks: list[bytes] = []
        count = 0
        try:
            async with asyncio.timeout(self._settings.timeout):
                async for chunk in request.stream():
                    count += len(chunk)
                    if count > maximum:
                        raise HTTPException(413, f"{too_large}more")
                    chunks.append(chunk)
        except TimeoutError:
            raise HTTPException(
                408,
                f"the request must be received within {self._settings.timeout:g} seconds; it takes "
                "longer",
            ) from None
        return b"".join(chunks)

    async def _discard_body(self, request: Request) -> None:
        """Receive the body of a request that is rejected.

        Otherwise the connection is closed while the client sends, and most clients then report
        that instead of the response. A client that waits for permission to send gets the response.
        """
        if "Expect" in request.headers:
            return
        count = 0
        try:
            async with asyncio.timeout(self._settings.timeout):
                async for chunk in request.stream():
                    count += len(chunk)
                    if count > self._settings.max_bytes:
                        return
        except TimeoutError:
            return
