"""Who gets in: the page answers on loopback, to the names it knows, and changes nothing at the wish of another site.

Stands before everything else. Refuses a `Host` that is not ours (a stranger's name that resolves to
loopback: DNS rebinding), unsafe methods sent by other sites, and bodies that are too large; puts the
content security policy on every answer.
"""

import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.errors import ConfigError
from detector.web.contract import Problem
from detector.web.problem import response

MAX_BODY_BYTES = 16_384

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_SAFE = ("GET", "HEAD")


def check_loopback(host: str) -> None:
    """Raise ConfigError unless the address to bind is a loopback address."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigError(
            f"web.host = {host!r}: the page has no log-in, so it listens on loopback only; keep 127.0.0.1 and put "
            "a proxy with access control in front (its name goes into web.allowed_hosts)"
        )


class Guard:
    """Wraps the application; see the module."""

    def __init__(self, application: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self._application = application
        self._hosts = {name.lower() for name in (*_LOOPBACK, *allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            self._check(scope["method"], Headers(scope=scope))
        except Problem as problem:
            await response(problem, page=False)(scope, receive, send_guarded)
            return
        await self._application(scope, receive, send_guarded)

    def _check(self, method: str, headers: Headers) -> None:
        if _name(headers.get("host", "")) not in self._hosts:
            detail = "open the page under a loopback name, or add the name to web.allowed_hosts"
            raise Problem(421, "This host name is not served here", detail)
        if method not in _SAFE and _from_another_site(headers):
            raise Problem(403, "Another site may not act here", "open the page itself and act there")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise Problem(413, "The body is too large", f"send at most {MAX_BODY_BYTES} bytes")


def _name(host: str) -> str:
    """The host without its port: `[::1]:8765` -> `[::1]`."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()


def _from_another_site(headers: Headers) -> bool:
    """Browsers say so in Sec-Fetch-Site, older ones in Origin; programs say neither."""
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")
