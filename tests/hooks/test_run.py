"""The whole of `detector hooks` over a run folder: real files, real receivers, kills and restarts."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from detector.alert.revision import encode
from detector.config import Config, Hooks
from detector.errors import ConfigError, InputError, StateError, TemporaryError
from detector.hooks import orders
from detector.hooks.action import Action
from detector.hooks.run import FOLLOWED, run_hooks, standing, stored_positions, wall_ms
from detector.landed.contract import Landed
from detector.landed.ndjson import NdjsonFollower
from detector.sinks.contract import ALERTS, OutRecord, Sink
from detector.sinks.ndjson import NdjsonSink
from tests.hooks.receivers import Example, Reply, scripted
from tests.hooks.sample import APPROVALS, Clock, MemorySink, alert, asks, landed, until


class Folder:
    """A run folder with secrets, as the programs of one installation share it."""

    def __init__(self, path: Path, secret_file: Path) -> None:
        self.path = path
        (path / "approvals").write_bytes(APPROVALS)
        self.hooks = Hooks(
            mode="auto",
            secret_file=str(secret_file),
            approval_secret_file=str(path / "approvals"),
            timeout_s=2,
            ttl_s=600,
            database=str(path / "hooks.sqlite"),
        )

    def write(self, *records: OutRecord) -> None:
        sink = NdjsonSink(self.path)
        sink.send(records)
        sink.close()

    def alert(self, **changes: Any) -> None:
        found = alert(**changes)
        self.write(OutRecord(ALERTS, found.entity, encode(found)))

    def actions(self) -> list[Action]:
        """The newest revision of each action in actions.ndjson, in order of appearance."""
        path = self.path / "actions.ndjson"
        lines = path.read_bytes().splitlines() if path.exists() else []
        found = [msgspec.json.decode(line, type=Action) for line in lines]
        return list({action.action_id: action for action in found}.values())

    def config(self, **changes: Any) -> Config:
        return Config(hooks=replace(self.hooks, **changes))

    @contextmanager
    def running(self, **changes: Any) -> Iterator[None]:
        """`detector hooks` in a thread, as the demo runs it; stopped cleanly on the way out."""
        config, stop = self.config(**changes), threading.Event()
        follower = NdjsonFollower(self.path, FOLLOWED, stored_positions(config.hooks))
        sink = NdjsonSink(self.path)
        failure: list[BaseException] = []

        def run() -> None:
            try:
                run_hooks(config, follower, sink, stop)
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=20)
            sink.close()
            follower.close()
        assert not thread.is_alive()
        if failure:
            raise failure[0]


@pytest.fixture
def folder(tmp_path: Path, secret_file: Path) -> Folder:
    return Folder(tmp_path, secret_file)


def test_from_alert_to_receiver_and_back(folder: Folder, example: Example) -> None:
    folder.alert()
    with folder.running(urls=(example.url,)):
        assert example.line().startswith("suspend line/sip:0451 until")
        folder.alert(revision=2, state="resolved")
        assert example.line().startswith("lift: undo")
        until(lambda: len(folder.actions()) == 2)
    suspended, lift = folder.actions()
    assert (suspended.verb, suspended.state, suspended.deliveries[0].state) == ("suspend", "ended", "delivered")
    assert (lift.lifts, lift.deliveries[0].state) == (suspended.action_id, "delivered")


def test_the_default_rehearses(folder: Folder, example: Example) -> None:
    assert Hooks().mode == "dry-run"
    folder.alert()
    with folder.running(urls=(example.url,), mode="dry-run", approval_secret_file=""):
        assert example.line() == "dry run: would suspend line/sip:0451"
    (action,) = folder.actions()
    assert (action.state, action.dryrun) == ("rehearsed", True)


def test_without_receivers_actions_are_still_written(folder: Folder) -> None:
    folder.alert()
    with folder.running(secret_file="", mode="dry-run"):
        until(folder.actions)
    assert folder.actions()[0].deliveries == ()


def test_a_person_approves_and_lifts(folder: Folder, example: Example) -> None:
    def order(verb: Any, action: Action) -> None:
        sink = NdjsonSink(folder.path)
        orders.give(sink, folder.hooks, verb, [action.action_id], "wang", wall_ms())
        sink.close()

    folder.alert(entity_kind="number", entity="95275012", proposed_action=asks(scope="number", target="95275012"))
    with folder.running(urls=(example.url,)):
        until(folder.actions)
        assert folder.actions()[0].state == "proposed"
        order("approve", folder.actions()[0])
        assert example.line().startswith("suspend number/95275012 until")
        order("lift", folder.actions()[0])
        assert example.line().startswith("lift: undo")
    assert [action.author for action in folder.actions()] == ["wang", "wang"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_restart_reads_on_and_repeats_nothing(folder: Folder, times: int) -> None:
    with scripted() as receiver:
        folder.alert()
        for _ in range(times):
            with folder.running(urls=(receiver.url,)):
                until(lambda: receiver.received)
                until(lambda: folder.actions()[0].deliveries[0].state == "delivered")
        assert stored_positions(folder.hooks) == {(ALERTS, 0): (folder.path / "alerts.ndjson").stat().st_size}
        folder.alert(revision=2)
        with folder.running(urls=(receiver.url,)):
            until(lambda: stored_positions(folder.hooks)[ALERTS, 0] == (folder.path / "alerts.ndjson").stat().st_size)
        assert receiver.verbs == ["suspend"]


def test_what_was_not_delivered_before_the_stop_is_delivered_after_it(folder: Folder) -> None:
    with scripted(Reply(500), Reply(200)) as receiver:
        folder.alert()
        with folder.running(urls=(receiver.url,)):
            until(lambda: receiver.received)
        with folder.running(urls=(receiver.url,)):
            until(lambda: len(receiver.received) == 2)
        assert receiver.received[0].id == receiver.received[1].id


def run_to_the_end(config: Config, sink: Sink | None = None) -> None:
    """Run where an error is what ends it."""
    follower = NdjsonFollower(Path(config.hooks.database).parent, FOLLOWED, {})
    run_hooks(config, follower, sink or MemorySink(), threading.Event())


class Stream:
    """A follower that always has something new, a second after the last."""

    def __init__(self, clock: Clock, stop: threading.Event, count: int) -> None:
        self.clock, self.stop, self.left = clock, stop, count

    def poll(self, timeout_s: float) -> list[Landed]:
        self.clock.ms += 1000
        self.left -= 1
        if not self.left:
            self.stop.set()
        name = f"sip:{self.left}"
        return landed([alert(alert_id=name, entity=name, tenant=None, proposed_action=asks(target=name))])

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("seconds", "decided"), [(9, 0), (11, 11)])
def test_a_stream_without_a_gap_is_decided_on_all_the_same(folder: Folder, seconds: int, decided: int) -> None:
    clock, stop, sink = Clock(), threading.Event(), MemorySink()
    run_hooks(folder.config(), Stream(clock, stop, seconds), sink, stop, clock)
    assert len(sink.records) == decided


def process(folder: Folder, url: str) -> "subprocess.Popen[bytes]":
    """`detector hooks` over the folder, as a process that can be killed."""
    code = """if True:
        import signal, sys, threading
        from pathlib import Path
        import msgspec
        from detector.config import Config
        from detector.hooks.run import FOLLOWED, run_hooks, standing, stored_positions
        from detector.landed.ndjson import NdjsonFollower
        from detector.sinks.ndjson import NdjsonSink
        folder, config = Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Config)
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        follower = NdjsonFollower(folder, FOLLOWED, stored_positions(config.hooks))
        run_hooks(config, follower, NdjsonSink(folder), stop)
    """
    config = msgspec.json.encode(folder.config(urls=(url,)))
    return subprocess.Popen([sys.executable, "-c", code, str(folder.path), config.decode()], stdout=subprocess.DEVNULL)


def test_killed_between_delivering_and_marking_it_sends_the_same_again(folder: Folder) -> None:
    victims: list[int] = []
    killed = Reply(first=lambda: os.kill(victims[0], signal.SIGKILL))
    with scripted(killed, Reply(200)) as receiver:
        folder.alert()
        first = process(folder, receiver.url)
        victims.append(first.pid)
        assert first.wait(timeout=60) == -signal.SIGKILL
        second = process(folder, receiver.url)
        until(lambda: len(receiver.received) == 2)
        until(lambda: any(a.deliveries and a.deliveries[0].state == "delivered" for a in folder.actions()))
        second.terminate()
        assert second.wait(timeout=20) == 0
        one, two = receiver.received
    assert (one.id, one.body) == (two.id, two.body)
    assert {action.action_id for action in folder.actions()} == {one.id}


def test_a_lost_book_gives_the_same_names(folder: Folder) -> None:
    with scripted() as receiver:
        folder.alert()
        with folder.running(urls=(receiver.url,)):
            until(lambda: len(receiver.received) == 1)
        for left in folder.path.glob("hooks.sqlite*"):
            left.unlink()
        with folder.running(urls=(receiver.url,)):
            until(lambda: len(receiver.received) == 2)
        first, second = receiver.received
        assert first.id == second.id, "an idempotent receiver does it once"


def test_two_programs_do_not_share_a_book(folder: Folder) -> None:
    folder.alert()
    with folder.running():
        until(folder.actions)
        with pytest.raises(StateError, match="another `detector hooks`"):
            run_to_the_end(folder.config())


class AwaySink(MemorySink):
    def flush(self) -> None:
        raise TemporaryError("the broker is away")


def test_a_sink_that_stays_away_ends_the_program(folder: Folder) -> None:
    folder.alert()
    with pytest.raises(TemporaryError):
        run_to_the_end(folder.config(), AwaySink())


def test_a_failing_delivery_thread_ends_the_program(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.hooks.dispatcher.Outbox.next", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_to_the_end(folder.config(urls=("http://127.0.0.1:9/",)))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"urls": ("https://a/",), "secret_file": ""}, "hooks.secret_file"),
        ({"urls": ("a",)}, "hooks.urls"),
        ({"urls": ("https://a/", "https://a/")}, "hooks.urls"),
        ({"urls": ("https://a/",), "ca_file": "/missing.pem"}, "hooks.ca_file"),
        ({"mode": "auto", "approval_secret_file": ""}, "hooks.approval_secret_file"),
        ({"mode": "approve", "approval_secret_file": ""}, "hooks.approval_secret_file"),
        ({"approval_secret_file": "/missing"}, "hooks.approval_secret_file"),
        ({"approval_secret_file": os.devnull}, "hooks.approval_secret_file"),
        ({"never": ("*",)}, "hooks.never"),
        ({"never_file": "/missing"}, "hooks.never_file"),
        ({"database": "/missing/hooks.sqlite"}, "hooks.database"),
    ],
)
def test_what_cannot_work_does_not_start(folder: Folder, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        run_to_the_end(folder.config(**changes))


def test_what_stands_is_asked_where_it_is_known(folder: Folder) -> None:
    with pytest.raises(InputError, match=r"hooks\.database: there is no "):
        standing(folder.hooks)
    folder.alert()
    with folder.running():
        until(folder.actions)
        assert [action.target for action in standing(folder.hooks)] == ["sip:0451"]


def test_orders_need_the_secret(folder: Folder) -> None:
    with pytest.raises(ConfigError, match=r"hooks\.approval_secret_file"):
        orders.give(NdjsonSink(folder.path), Hooks(), "lift", ["a"], "wang", 0)
