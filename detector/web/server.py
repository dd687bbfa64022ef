"""The web program: feeds the ledger from what lands, serves the page, sends verdicts on their way."""

import asyncio
import socket
import threading

import structlog
import uvicorn

from detector.config import Web
from detector.errors import ConfigError, DetectorError, TemporaryError
from detector.landed.contract import Follower
from detector.sinks.contract import Sink
from detector.web.application import application
from detector.web.contract import Room
from detector.web.desk import Desk
from detector.web.guard import check_loopback
from detector.web.ledger import Ledger
from detector.web.operations import OPERATIONS
from detector.web.pages import templates
from detector.web.queue import Queue
from detector.web.stream import Stream

_POLL_S = 0.5
_PAUSE_S = 1.0

_log = structlog.get_logger("detector.web")


class WebServer:
    """The page in two threads of its own: one feeds the ledger, one serves.

    The caller owns ledger, follower and sink: `stop()` leaves them open. `web.port` 0 takes a free port.
    """

    def __init__(self, settings: Web, ledger: Ledger, follower: Follower, sink: Sink) -> None:
        self._settings, self._ledger, self._follower, self._sink = settings, ledger, follower, sink
        self._desk = Desk(ledger)
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> str:
        """Begin to serve; the address of the page. Raises ConfigError when it may not or cannot listen there."""
        listener = _listen(self._settings)
        room = Room(
            settings=self._settings,
            ledger=self._ledger,
            queue=Queue(self._ledger),
            desk=self._desk,
            templates=templates(),
            operations=OPERATIONS,
        )
        self._threads = [
            threading.Thread(target=self._feed, name="ledger"),
            threading.Thread(target=self._serve, args=(room, listener), name="page"),
        ]
        for thread in self._threads:
            thread.start()
        host, port = listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def wait(self) -> None:
        """Return after `stop()`; raise what ended the feeding of the ledger."""
        self._stopping.wait()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """Stop serving, open event streams included, within two seconds; harmless when called twice."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _feed(self) -> None:
        """Follow, take in, send verdicts; a broker that is away is waited for."""
        while not self._stopping.is_set():
            try:
                if landed := self._follower.poll(_POLL_S):
                    self._ledger.apply(landed)
                if unsent := self._desk.unsent():
                    self._sink.send(unsent)
                    self._sink.flush()
                    self._desk.sent(unsent)
            except TemporaryError as error:
                _log.warning("ledger_waits", error=str(error))
                self._stopping.wait(_PAUSE_S)
            except Exception as error:
                self._failure = error if isinstance(error, DetectorError) else DetectorError(f"ledger: {error}")
                _log.error("ledger_stopped", error=str(error), exc_info=True)
                self._stopping.set()

    def _serve(self, room: Room, listener: socket.socket) -> None:
        asyncio.run(self._serve_async(room, listener))

    async def _serve_async(self, room: Room, listener: socket.socket) -> None:
        stream = Stream(room)
        server = uvicorn.Server(
            uvicorn.Config(
                application(room, stream.answer),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=256,
                timeout_graceful_shutdown=1,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.to_thread(self._stopping.wait)
        stream.end()
        server.should_exit = True
        await serving
        listener.close()


def serve(settings: Web, ledger: Ledger, follower: Follower, sink: Sink) -> None:
    """Serve the page until the process is told to end (SystemExit, KeyboardInterrupt) or feeding it fails."""
    server = WebServer(settings, ledger, follower, sink)
    _log.info("page_ready", address=server.start())
    try:
        server.wait()
    finally:
        server.stop()


def _listen(settings: Web) -> socket.socket:
    """A listening socket on a loopback address."""
    check_loopback(settings.host)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"web.port = {settings.port}: cannot listen on {settings.host}: {error.strerror}; 0 takes a free port"
        ) from None
