"""Deliveries over time, on a clock moved by hand: order, rests, giving up."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector import metrics
from detector.config import Hooks
from detector.hooks.action import Action
from detector.hooks.book import Book
from detector.hooks.dispatcher import FIRST_REST_S, LONGEST_REST_S, Dispatcher
from detector.hooks.outbox import Outbox
from detector.hooks.webhook import Sender
from tests.hooks.receivers import Reply, Scripted, free_port, scripted
from tests.hooks.sample import SECRET, T0, Clock, action

TTL_MS = 600_000


class Route:
    """One receiver's dispatcher, stepped by hand; `jitter` 0.5 makes every rest its plain length."""

    def __init__(self, path: Path, url: str) -> None:
        self.clock = Clock()
        self.url = url
        self.book = Book(path)
        self.outbox = Outbox(self.book)
        self.sender = Sender(url, (SECRET,), Hooks(timeout_s=0.2))
        self.dispatcher = Dispatcher(path, self.sender, self.clock, jitter=lambda: 0.5)

    def add(self, name: str, target: str = "x") -> Action:
        added = replace(action(target), action_id=name)
        with self.book.transaction():
            self.book.save(added)
            self.outbox.add(added, [self.url], b'{"data":{"verb":"%s"}}' % name.encode(), self.clock.ms, T0 + TTL_MS)
        return added

    def step(self, after_s: float = 0) -> bool:
        self.clock.ms += int(after_s * 1000)
        return self.dispatcher.step(self.book)

    def seen(self, name: str) -> tuple[str, str, int]:
        """State, last answer and attempts, as `detector.actions` shows them."""
        found = self.book.action(name)
        assert found is not None
        (delivery,) = found.deliveries
        return delivery.state, delivery.answer, delivery.attempts

    def close(self) -> None:
        self.sender.close()
        self.book.close()


@contextmanager
def route_to(tmp_path: Path, *script: Reply) -> Iterator[tuple[Route, Scripted]]:
    with scripted(*script) as receiver:
        route = Route(tmp_path / "hooks.sqlite", receiver.url)
        yield route, receiver
        route.close()


def test_500_then_200_is_the_same_message_twice(tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(500), Reply(200)) as (route, receiver):
        route.add("one")
        assert route.step()
        assert route.seen("one") == ("pending", "server_error", 1)
        assert not route.step()
        assert route.step(after_s=FIRST_REST_S)
        assert route.seen("one") == ("delivered", "delivered", 2)
        first, second = receiver.received
        assert (first.id, first.body) == (second.id, second.body)
        assert not route.step(after_s=TTL_MS)


def test_rests_grow_to_a_bound(tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(500)) as (route, _):
        route.add("one")
        rests = []
        while route.step():
            due_ms = route.book.db.execute("SELECT next_ms FROM deliveries").fetchone()[0]
            rests.append((due_ms - route.clock.ms) / 1000)
            route.clock.ms = due_ms
            with route.book.transaction():
                route.book.db.execute("UPDATE deliveries SET deadline_ms = ?", (due_ms + (len(rests) < 12),))
        assert rests == [min(2.0**n, LONGEST_REST_S) for n in range(12)]


def test_one_bad_message_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(400), Reply(200)) as (route, receiver):
        route.add("bad", "x")
        route.add("after", "x")
        route.add("other", "y")
        while route.step():
            pass
        assert receiver.verbs == ["bad", "other"], "what follows for the same target waits"
        while route.step(after_s=FIRST_REST_S):
            pass
        assert receiver.verbs == ["bad", "other", "bad", "after"]


@pytest.mark.parametrize("status", [301, 401, 429, 503])
def test_a_receiver_that_is_not_well_is_left_in_peace(status: int, tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(status), Reply(status), Reply(200)) as (route, receiver):
        for name in ("one", "two", "three"):
            route.add(name, target=name)
        assert route.step()
        assert not route.step()
        assert route.step(after_s=FIRST_REST_S)
        assert not route.step(after_s=FIRST_REST_S)
        assert route.step(after_s=FIRST_REST_S)
        assert receiver.verbs == ["one", "one", "one"]
        assert route.step()
        assert receiver.verbs[-1] == "two"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_it_says_itself_when_to_come_again(status: int, tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(status, {"retry-after": "90"}), Reply(200)) as (route, receiver):
        route.add("one")
        assert route.step()
        assert not route.step(after_s=89)
        assert route.step(after_s=1)
        assert len(receiver.received) == 2


def test_410_switches_it_off(tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(410)) as (route, receiver):
        route.add("one")
        route.add("two", "y")
        route.dispatcher.run(threading.Event())  # ends by itself
        assert len(receiver.received) == 1
        assert route.seen("one") == ("pending", "gone", 1)


def test_a_slow_receiver_gets_it_again(tmp_path: Path) -> None:
    with route_to(tmp_path, Reply(first=lambda: time.sleep(0.6)), Reply(200)) as (route, receiver):
        route.add("one")
        assert route.step()
        assert route.seen("one") == ("pending", "timeout", 1)
        assert route.step(after_s=FIRST_REST_S)
        assert receiver.received[0].id == receiver.received[1].id


def test_nothing_is_delivered_after_its_own_time(tmp_path: Path) -> None:
    before = metrics.hook_deliveries.labels(outcome="connection")._value.get()
    route = Route(tmp_path / "hooks.sqlite", f"http://127.0.0.1:{free_port()}/")
    route.add("one")
    assert route.step()
    assert metrics.hook_deliveries.labels(outcome="connection")._value.get() == before + 1
    assert not route.step(after_s=TTL_MS / 1000)
    with route.book.transaction():
        assert route.outbox.give_up(route.clock.ms) == 1
    assert route.seen("one") == ("expired", "connection", 1)
    route.close()


def test_a_delivery_that_succeeds_while_it_is_withdrawn_counts_as_delivered(tmp_path: Path) -> None:
    def withdraw() -> None:
        book = Book(tmp_path / "hooks.sqlite")
        with book.transaction():
            Outbox(book).withdraw("one")
        book.close()

    with route_to(tmp_path, Reply(first=withdraw)) as (route, _):
        route.add("one")
        assert route.step()
        assert route.seen("one") == ("delivered", "delivered", 1)


def test_receivers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    dead = Route(tmp_path / "hooks.sqlite", f"http://127.0.0.1:{free_port()}/")
    with route_to(tmp_path) as (alive, _):
        with dead.book.transaction():
            dead.book.save(action())
            dead.outbox.add(action(), [dead.url, alive.url], b"{}", T0, T0 + TTL_MS)
        assert dead.step()
        assert alive.step()
        found = dead.book.action("0af1")
        assert found is not None
        assert [delivery.state for delivery in found.deliveries] == ["pending", "delivered"]
    dead.close()
