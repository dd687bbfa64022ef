"""Where alerts and people's orders become actions: policy, caps, book and outbox together, one turn after another.

A turn is, numbered the same here and in `run`:
1 take      keep what was read, obey people's orders, and keep the positions, in one transaction
2 decide    on the newest revision of each alert (what happened on the way to it is history, not a reason to act)
3 run out   undo what has stood for its time
4 publish   write what changed to `detector.actions`
A crash between any two of them loses nothing and repeats nothing but records that consumers already have.
"""

from collections.abc import Callable, Sequence

import msgspec
import structlog
from msgspec.structs import replace

from detector import metrics
from detector.alert import revision
from detector.alert.revision import Alert
from detector.config import Hooks
from detector.hooks import orders
from detector.hooks.action import LIFT, Action, EndedBy, action_id, record
from detector.hooks.book import Book
from detector.hooks.event import order_event
from detector.hooks.limits import HOUR_MS, is_open, limit
from detector.hooks.never import NeverList
from detector.hooks.outbox import Outbox
from detector.hooks.policy import Decision, decide
from detector.landed.contract import Landed
from detector.landed.feedback import Order
from detector.sinks.contract import ALERTS, FEEDBACK, Sink

LIFT_RETRY_S = 24 * 3600
"""A lift is worth delivering long after the action's own time: some receivers do not end it by themselves."""
LARGEST_ALERT = 1_000_000
LONGEST_ALERT_ID = 64

_log = structlog.get_logger(__name__)


class Desk:
    """Decides, remembers and hands over to the outbox. approval_secret: empty = people's orders are refused."""

    def __init__(
        self, settings: Hooks, never: NeverList, approval_secret: bytes, book: Book, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._never = never
        self._approval_secret = approval_secret
        self._book = book
        self._outbox = Outbox(book)
        self._now_ms = now_ms
        self._dryrun = settings.mode == "dry-run"
        self._forgot_ms = 0

    def take(self, landed: Sequence[Landed]) -> None:
        """Step 1. Records that cannot be read are passed over, counted and logged."""
        if not landed:
            return
        with self._book.transaction():
            for item in landed:
                try:
                    self._read(item)
                except msgspec.DecodeError as error:
                    metrics.landed_unreadable.labels(topic=item.topic).inc()
                    _log.warning("unreadable", topic=item.topic, position=item.position, error=str(error))
            self._book.keep_positions(landed)

    def decide(self) -> None:
        """Step 2. Every alert in a transaction of its own."""
        for body in self._book.undecided():
            alert = revision.decode(body)
            with self._book.transaction():
                if alert.state == "resolved":
                    for action in self._book.actions_of(alert.alert_id):
                        self._end(action, "resolved")
                else:
                    self._answer(alert)
                self._book.mark_decided(alert.alert_id, alert.revision)

    def run_out(self) -> None:
        """Step 3. Also: webhooks that never arrived in time, what is older than any topic, the figures of the caps."""
        now_ms = self._now_ms()
        with self._book.transaction():
            for action in self._book.run_out(now_ms):
                self._end(action, "expired")
            expired = self._outbox.give_up(now_ms)
            if now_ms - self._forgot_ms > HOUR_MS:
                self._book.forget(now_ms)
                self._forgot_ms = now_ms
        metrics.hook_deliveries.labels(outcome="expired").inc(expired)
        usage = self._book.usage(None, self._dryrun, now_ms)
        metrics.actions_used_ratio.set(usage.total / self._settings.max_actions_per_hour)
        metrics.circuit_open.set(is_open(usage.opened_ms, now_ms))

    def publish(self, sink: Sink) -> None:
        """Step 4. Raises TemporaryError when the sink is away; what was not safe is written again."""
        changed = self._book.unpublished()
        if changed:
            sink.send([record(action) for action in changed])
            sink.flush()
            with self._book.transaction():
                self._book.mark_published(changed)

    def _read(self, item: Landed) -> None:
        if item.topic == ALERTS:
            if len(item.value) > LARGEST_ALERT:
                raise msgspec.DecodeError(f"{len(item.value)} bytes are no alert")
            alert = revision.decode(item.value)
            if len(alert.alert_id) > LONGEST_ALERT_ID:
                raise msgspec.DecodeError(f"an alert_id of {len(alert.alert_id)} characters")
            self._book.keep_alert(alert.alert_id, alert.revision, item.value, self._now_ms())
        elif item.topic == FEEDBACK and (order := orders.read(item.value)) is not None:
            self._obey(order)

    def _answer(self, alert: Alert) -> None:
        wanted = alert.proposed_action
        if wanted is None:
            return
        now_ms = self._now_ms()
        before = self._book.actions_of(alert.alert_id) + self._book.in_force_on(wanted.scope, wanted.target)
        usage = self._book.usage(alert.tenant, self._dryrun, now_ms)
        ours = [action for action in before if action.dryrun == self._dryrun]
        decision = decide(alert, self._settings, self._never, ours, limit(usage, self._settings, now_ms))
        if decision is None:
            return
        if decision.held_by == "circuit_open" and not is_open(usage.opened_ms, now_ms):
            self._book.open_circuit(now_ms)
            _log.error("circuit_opened", ordered_in_the_last_hour=usage.total, advice="for an hour people decide")
        self._act(self._action(alert, decision, now_ms), alert)

    def _action(self, alert: Alert, decision: Decision, now_ms: int) -> Action:
        asks = decision.held_by != ""
        return Action(
            action_id=self._name(alert.alert_id, decision.verb, decision.target, self._dryrun),
            alert_id=alert.alert_id,
            alert_revision=alert.revision,
            kind=alert.kind,
            verb=decision.verb,
            scope=decision.scope,
            target=decision.target,
            tenant=alert.tenant,
            dryrun=self._dryrun,
            state="rehearsed" if self._dryrun else "proposed" if asks else "ordered",
            held_by=decision.held_by,
            why=decision.why,
            ttl_s=decision.ttl_s,
            decided_ms=now_ms,
            ordered_ms=None if asks else now_ms,
            expires_ms=now_ms + decision.ttl_s * 1000,
        )

    def _name(self, alert_id: str, verb: str, target: str, dryrun: bool) -> str:
        ordinal = self._book.count(alert_id, verb, target, dryrun)
        return action_id(alert_id, verb, target, ordinal, dryrun)

    def _act(self, action: Action, alert: Alert | None, deadline_ms: int | None = None) -> None:
        """Write a new action down, and tell the receivers unless a person must agree first."""
        self._book.save(action)
        metrics.hook_actions.labels(verb=action.verb, mode=action.mode).inc()
        _log.info("action", action=action.action_id, verb=action.verb, state=action.state, held_by=action.held_by)
        if action.state != "proposed":
            self._tell(action, alert, action.expires_ms if deadline_ms is None else deadline_ms)

    def _tell(self, action: Action, alert: Alert | None, deadline_ms: int) -> None:
        body = order_event(action, alert)
        self._outbox.add(action, self._settings.urls, body, self._now_ms(), deadline_ms)

    def _end(self, action: Action, by: EndedBy, author: str | None = None) -> None:
        """End an action or a proposal; where receivers were told to take something, tell them to give it back."""
        if action.state == "ended" or action.verb == LIFT:
            return
        undo = action.in_force
        if undo:
            self._outbox.withdraw(action.action_id)
        self._change(action.action_id, state="ended", ended_by=by, ended_ms=self._now_ms(), author=author)
        if undo:
            self._lift(action, by, author)

    def _lift(self, action: Action, by: EndedBy, author: str | None) -> None:
        now_ms = self._now_ms()
        lift = replace(
            action,
            action_id=self._name(action.alert_id, LIFT, action.target, action.dryrun),
            revision=1,
            verb=LIFT,
            held_by="",
            why=f"{action.verb} ends: {by}",
            ttl_s=0,
            decided_ms=now_ms,
            ordered_ms=now_ms,
            author=author,
            lifts=action.action_id,
            deliveries=(),
        )
        self._act(lift, self._alert(action.alert_id), now_ms + LIFT_RETRY_S * 1000)

    def _change(self, name: str, **changes: object) -> Action:
        """Write changed fields on top of what the book holds now, with the revision raised."""
        action = self._book.action(name)
        assert action is not None
        changed = replace(action, revision=action.revision + 1, **changes)
        self._book.save(changed)
        return changed

    def _alert(self, alert_id: str) -> Alert | None:
        body = self._book.alert(alert_id)
        return None if body is None else revision.decode(body)

    def _obey(self, order: Order) -> None:
        """Do what a person ordered, or say in the log why not. An order that came before changes nothing."""
        action = self._book.action(order.action_id)
        refusal = self._refusal(order, action)
        if refusal or action is None:
            _log.warning("order_refused", verb=order.verb, reason=refusal)
        elif order.verb == "lift":
            self._end(action, "operator", order.author)
        elif action.state == "proposed":
            now_ms = self._now_ms()
            expires_ms = now_ms + action.ttl_s * 1000
            ordered = self._change(
                action.action_id, state="ordered", ordered_ms=now_ms, expires_ms=expires_ms, author=order.author
            )
            self._tell(ordered, self._alert(ordered.alert_id), expires_ms)

    def _refusal(self, order: Order, action: Action | None) -> str:
        if not orders.is_signed(order, self._approval_secret):
            return "the signature does not match hooks.approval_secret_file"
        if action is None:
            return "no such action"
        if order.verb == "lift":
            return ""
        if self._settings.mode not in ("approve", "auto"):
            return f"hooks.mode is {self._settings.mode}"
        if self._now_ms() - order.at_ms > action.ttl_s * 1000:
            return "the approval is older than the action's own time"
        if self._never.lists(action.target):
            return "the target is on the never-list"
        return ""
