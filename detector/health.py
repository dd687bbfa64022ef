"""`/metrics` and `/healthz` of the programs without a page."""

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from detector import metrics
from detector.errors import ConfigError

StartResponse = Callable[..., Any]


class _QuietHandler(WSGIRequestHandler):
    timeout = 5  # seconds a client may take to send its request

    def log_message(self, format: str, *arguments: Any) -> None:
        """Scrapes are not worth a line each."""


class HealthServer:
    """Serves both paths from a thread of its own. Port 0 takes a free one; `port` tells which."""

    def __init__(self, host: str, port: int, healthy: Callable[[], bool]) -> None:
        scrape = make_wsgi_app(metrics.REGISTRY)

        def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == "/metrics":
                pages: Iterable[bytes] = scrape(environ, start_response)
                return pages
            if path == "/healthz":
                well = healthy()
                start_response("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain")])
                return [b"ok\n" if well else b"the loop has not turned lately\n"]
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"only /metrics and /healthz live here\n"]

        try:
            self._server: WSGIServer = make_server(host, port, answer, handler_class=_QuietHandler)
        except OSError as error:
            raise ConfigError(f"metrics.port {host}:{port}: {error.strerror}; choose a free one") from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; harmless when called twice."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
