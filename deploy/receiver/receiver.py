"""An example receiver of suspension orders: standard library only, to be copied and made your own.

    echo "whsec_$(head -c 32 /dev/urandom | base64)" > secret && chmod 600 secret
    python3 receiver.py --secret-file secret --port 8099
    detector hooks test http://127.0.0.1:8099/ --set hooks.secret_file=secret

It verifies the signature, does each thing once, and prints what a real one would do. Replace `apply`: there the
switch is told. Keep in a real one, in the same database as the bars themselves: the ids already seen (here they are
forgotten at the end), and the end of each bar, so that it ends even when the lift never arrives.
"""

import argparse
import base64
import hashlib
import hmac
import json
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

TOLERANCE_S = 300
LARGEST_BODY = 20_000
SEEN: dict[str, None] = {}
SECRETS: list[bytes] = []


def signed(headers, body: bytes) -> bool:
    """Whether one of our secrets signed this, less than five minutes ago."""
    event_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isascii() or not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE_S:
        return False
    text = f"{event_id}.{sent_at}.".encode() + body
    good = [b"v1," + base64.b64encode(hmac.digest(secret, text, hashlib.sha256)) for secret in SECRETS]
    given = headers.get("webhook-signature", "").encode("latin-1", "replace").split()
    return any(hmac.compare_digest(one, other) for one in good for other in given)


def apply(event: dict) -> str:
    """What a real receiver would do; the switch is told here. It must be harmless to do twice."""
    data = event["data"]
    if event["type"].startswith("detector.test."):
        return "test: connection and signature are good"
    if event["dryrun"]:
        return f"dry run: would {data['verb']} {event['subject']}"
    if data["verb"] == "lift":
        return f"lift: undo {data['lifts']} on {event['subject']}"
    if data["expires_at_ms"] < time.time() * 1000:
        return f"too late: {data['verb']} {event['subject']} ended at {data['expires_at']}"
    return (
        f"{data['verb']} {event['subject']} until {data['expires_at']}, except calls to {' '.join(data['keep_open'])}"
    )


class Receiver(BaseHTTPRequestHandler):
    """One POST is one event."""

    timeout = 10

    def do_POST(self):
        """200 taken (now or before), 401 not signed by us, 413 too large, 400 not an event."""
        size = self.headers.get("content-length", "")
        if not size.isdecimal() or int(size) > LARGEST_BODY:
            return self.reply(413, "too large")
        body = self.rfile.read(int(size))
        if not signed(self.headers, body):
            return self.reply(401, "the signature does not match")
        event_id = self.headers["webhook-id"]
        if event_id in SEEN:
            return self.reply(200, f"{event_id} was taken before")
        try:
            print(apply(json.loads(body)), flush=True)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.reply(400, f"not an event of this detector: {error!r}")
        SEEN[event_id] = None
        return self.reply(200, f"{event_id} taken")

    def reply(self, status: int, text: str) -> None:
        """Answer, and close."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Be quiet: what is done is printed."""


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secret-file", required=True, help="one whsec_... a line")
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    options = parser.parse_args()
    SECRETS.extend(base64.b64decode(s.removeprefix("whsec_")) for s in Path(options.secret_file).read_text().split())
    if not SECRETS:
        sys.exit(f"{options.secret_file}: no secret in it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = HTTPServer(("127.0.0.1", options.port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
