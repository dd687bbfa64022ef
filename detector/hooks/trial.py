"""`detector hooks test URL`: send one signed test event and say in a NOC's words what came of it."""

from dataclasses import dataclass
from secrets import token_hex

from detector.config import Hooks
from detector.hooks.event import trial_event
from detector.hooks.outbox import endpoint
from detector.hooks.run import wall_ms
from detector.hooks.webhook import Answer, Outcome, Sender, check_url, read_secrets

_MEANING = {
    Outcome.DELIVERED: "took the signed test event. Whether it can carry out an order, a rehearsal (dry-run) shows.",
    Outcome.DNS: "has a name that does not resolve. Check the spelling and this machine's resolver.",
    Outcome.CONNECTION: "cannot be reached: nothing listens there that speaks HTTP, or a firewall refuses.",
    Outcome.TLS: "shows a certificate that is not trusted. Renew it, or name its authority in hooks.ca_file.",
    Outcome.TIMEOUT: "did not answer within hooks.timeout_s. Let it answer first and work afterwards.",
    Outcome.REDIRECT: "sends elsewhere. Redirects are never followed: put the final address into hooks.urls.",
    Outcome.UNAUTHORIZED: "does not accept the signature. Both sides need the same secret and the same time.",
    Outcome.GONE: "says it is gone for good (410). A running `detector hooks` would switch it off.",
    Outcome.THROTTLED: "asks for fewer requests (429). It works, and would be tried again later.",
    Outcome.REJECTED: "refuses the event. Look into the receiver's log; the path may be wrong.",
    Outcome.UNAVAILABLE: "has a gateway that cannot reach what is behind it.",
    Outcome.SERVER_ERROR: "failed while it handled the event. Look into the receiver's log.",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. ok: the event was taken. text: lines for a person. outcome: a `webhook.Outcome`."""

    ok: bool
    outcome: str
    status: int | None
    text: str


def try_endpoint(settings: Hooks, url: str) -> Trial:
    """Send one test event, marked as a dry run and about nobody. Raises ConfigError without a secret or an address."""
    check_url(url)
    sender = Sender(url, read_secrets(settings), settings)
    try:
        event_id = f"test-{token_hex(8)}"
        answer = sender.post(event_id, trial_event(event_id, wall_ms()))
    finally:
        sender.close()
    return Trial(answer.outcome is Outcome.DELIVERED, answer.outcome, answer.status, _explain(url, answer))


def _explain(url: str, answer: Answer) -> str:
    status = "" if answer.status is None else f" (HTTP {answer.status})"
    said = "".join(c if c.isprintable() else " " for c in answer.text[:200]).strip()
    lines = [f"{endpoint(url)} {_MEANING[answer.outcome]}{status}"]
    return "\n".join([*lines, f"It said: {said}"] if said else lines)
