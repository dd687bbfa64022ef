"""Brings what waits in the outbox to one receiver, in order, for as long as it makes sense."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from detector import metrics
from detector.hooks.book import Book
from detector.hooks.outbox import Due, Outbox, endpoint
from detector.hooks.webhook import ABOUT_THE_MESSAGE, Answer, Outcome, Sender

FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0
_LOOK_S = 0.25

_log = structlog.get_logger(__name__)


class Dispatcher:
    """One receiver's deliveries, in a thread of its own with its own connection to the book.

    Rows go oldest first. A failure that is about one message makes that message (and later ones for the same
    target) wait; any other failure makes everything wait. 410 switches the receiver off until the next start.
    """

    def __init__(
        self, path: Path, sender: Sender, now_ms: Callable[[], int], jitter: Callable[[], float] = random.random
    ) -> None:
        self._path = path
        self._sender = sender
        self._now_ms = now_ms
        self._jitter = jitter
        self._log = _log.bind(endpoint=endpoint(sender.url))
        self._failures = 0
        self._rests_until_ms = 0
        self._switched_off = False

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop, or until the receiver is switched off."""
        book = Book(self._path)
        try:
            while not stop.is_set() and not self._switched_off:
                if not self.step(book):
                    stop.wait(_LOOK_S)
        finally:
            self._sender.close()
            book.close()

    def step(self, book: Book) -> bool:
        """Send the one webhook whose turn it is; False when there is none."""
        if self._now_ms() < self._rests_until_ms:
            return False
        outbox = Outbox(book)
        due = outbox.next(self._sender.url, self._now_ms())
        if due is None:
            return False
        answer = self._sender.post(due.action_id, due.body)
        metrics.hook_deliveries.labels(outcome=answer.outcome).inc()
        with book.transaction():
            self._settle(outbox, due, answer)
        return True

    def _settle(self, outbox: Outbox, due: Due, answer: Answer) -> None:
        if answer.outcome is Outcome.DELIVERED:
            self._failures = 0
            outbox.delivered(due, answer.outcome)
            return
        if due.answer != answer.outcome:
            self._log.warning("webhook_failed", action=due.action_id, outcome=answer.outcome, status=answer.status)
        now_ms = self._now_ms()
        if answer.outcome in ABOUT_THE_MESSAGE and answer.retry_after_s is None:
            outbox.failed(due, answer.outcome, now_ms + self._rest_ms(due.attempts))
            return
        self._rest_all(answer, now_ms)
        outbox.failed(due, answer.outcome, now_ms)

    def _rest_all(self, answer: Answer, now_ms: int) -> None:
        """Leave the receiver in peace: as long as it asks, else longer after every failure."""
        asked = answer.retry_after_s
        rest_ms = self._rest_ms(self._failures) if asked is None else int(asked * 1000)
        self._rests_until_ms = now_ms + rest_ms
        self._failures += 1
        if answer.outcome is Outcome.GONE:
            self._switched_off = True
            self._log.error("endpoint_switched_off", advice="it answered 410 Gone; correct hooks.urls and start again")

    def _rest_ms(self, failures: int) -> int:
        """Doubled after every failure, spread between half and one and a half, so that senders do not march in step."""
        rest_s = min(FIRST_REST_S * 2 ** min(failures, 16), LONGEST_REST_S)
        return int(rest_s * (0.5 + self._jitter()) * 1000)
