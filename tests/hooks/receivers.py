"""Real HTTP receivers: one that answers by script, one that is the shipped example in its own process."""

import itertools
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

EXAMPLE = Path(__file__).parents[2] / "deploy" / "receiver" / "receiver.py"


@dataclass(frozen=True)
class Reply:
    """One answer. first: what happens before it (a pause, a kill)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    first: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A sender that hangs up is what some tests are about."""


class Scripted:
    """Gives the replies of its script in turn, the last one for ever, and keeps what it received."""

    def __init__(self, *script: Reply) -> None:
        replies = itertools.chain(script, itertools.repeat(script[-1] if script else Reply()))
        received: list[Received] = []
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
                    reply = next(replies)
                reply.first()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.received = received
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def verbs(self) -> list[str]:
        return [each.event["data"]["verb"] for each in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def scripted(*script: Reply) -> Iterator[Scripted]:
    receiver = Scripted(*script)
    try:
        yield receiver
    finally:
        receiver.close()


class Example:
    """The shipped receiver, as its own process."""

    def __init__(self, secret_file: Path) -> None:
        command = [sys.executable, str(EXAMPLE), "--secret-file", str(secret_file), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.url = self.line().removeprefix("listening on ")

    def line(self) -> str:
        """The next line it prints; fails when none comes for a long time."""
        return self._lines.get(timeout=60)

    def close(self) -> tuple[int, str]:
        """Stop it as a service manager would; its exit code, and what it had still to say."""
        self.process.terminate()
        code = self.process.wait(timeout=10)
        self._reader.join()
        return code, "".join(self._lines.queue)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.strip())


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
