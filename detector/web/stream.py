"""Server-sent events: one tiny stream per browser that carries nothing but a version.

A page whose version differs asks for its own fragment.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from detector.web.contract import Room

TICK_S = 0.5
BEAT_S = 5.0
"""A page that hears nothing for three beats says so."""


class Stream:
    """The endpoint `/events`; `end()` lets all open streams finish, so that the server can stop."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._ended = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """A stream of versions."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    def end(self) -> None:
        """Finish all streams; to be called in the server's event loop."""
        self._ended.set()

    async def _events(self) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        told, ticks = "", 0
        while not self._ended.is_set():
            version = await run_in_threadpool(self._room.version)
            if version != told or ticks * TICK_S >= BEAT_S:
                yield f"data: {version}\n\n"
                told, ticks = version, 0
            ticks += 1
            try:
                await asyncio.wait_for(self._ended.wait(), TICK_S)
            except TimeoutError:
                continue
