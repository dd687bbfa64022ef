"""`detector hooks` between a real broker and a real receiver: alerts in, webhooks and actions out, orders obeyed."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.alert.revision import Alert, encode
from detector.config import Config
from detector.hooks import action
from detector.hooks.action import Action
from detector.hooks.run import FOLLOWED, run_hooks, standing, stored_positions
from detector.landed.kafka import KafkaFollower
from detector.sinks.contract import ACTIONS, ALERTS, OutRecord
from detector.sinks.kafka import KafkaSink
from detector.sinks.topics import create_topics
from tests.hooks.receivers import Scripted, scripted
from tests.hooks.sample import APPROVALS, SECRET, SETTINGS, alert, asks, until
from tests.kafka.broker import Broker

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:Exception ignored in. <(ssl|socket):pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "hooks.md").read_text()
SHELL = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def receiver() -> Iterator[Scripted]:
    with scripted() as receiver:
        yield receiver


@pytest.fixture
def config(broker: Broker, receiver: Scripted, tmp_path: Path) -> Config:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "approvals").write_bytes(APPROVALS)
    hooks = replace(
        SETTINGS,
        urls=(receiver.url,),
        secret_file=str(tmp_path / "secret"),
        approval_secret_file=str(tmp_path / "approvals"),
        database=str(tmp_path / "hooks.sqlite"),
        max_actions_per_hour=1000,  # the topics are shared with other tests
    )
    found = Config(kafka=broker.config(), hooks=hooks)
    create_topics(found.kafka)
    return found


@contextmanager
def running(config: Config) -> Iterator[None]:
    """`detector hooks` in a thread, from where it stopped the last time."""
    stop, failures = threading.Event(), list[BaseException]()
    follower = KafkaFollower(config.kafka, FOLLOWED, stored_positions(config.hooks))

    def run() -> None:
        try:
            with closing(follower), closing(KafkaSink(config.kafka, [ACTIONS])) as sink:
                run_hooks(config, follower, sink, stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not thread.is_alive()
    assert failures == []


def raise_alert(config: Config, line: str, **changes: object) -> None:
    found: Alert = alert(alert_id=line, entity=line, tenant=None, proposed_action=asks(target=line), **changes)
    with closing(KafkaSink(config.kafka, [ALERTS])) as sink:
        sink.send([OutRecord(ALERTS, line, encode(found))])


def written(broker: Broker, line: str) -> list[Action]:
    """The newest revision of each action about this line."""
    found = [action.decode(record.value) for record in broker.consume(ACTIONS) if record.key == line.encode()]
    return list({each.action_id: each for each in found}.values())


def verbs(receiver: Scripted, line: str) -> list[str]:
    return [each.event["data"]["verb"] for each in receiver.received if each.event["data"]["target"] == line]


def test_alert_order_lift_and_a_restart(broker: Broker, config: Config, receiver: Scripted) -> None:
    line = f"sip:{uuid.uuid4().hex[:8]}"
    raise_alert(config, line)
    with running(config):
        until(lambda: verbs(receiver, line) == ["suspend"])
    raise_alert(config, line, revision=2, state="resolved")
    with running(config):
        until(lambda: verbs(receiver, line) == ["suspend", "lift"])
    assert [(each.verb, each.state, each.ended_by) for each in written(broker, line)] == [
        ("suspend", "ended", "resolved"),
        ("lift", "ordered", ""),
    ]


def command(config: Config, starting: str, **words: str) -> str:
    """Run a command of deploy/hooks.md with words filled in, under this configuration; what it prints."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"detector hooks {starting} ")]
    settings = [f"kafka.bootstrap={config.kafka.bootstrap}", f"hooks.database={config.hooks.database}"]
    settings += [f"hooks.approval_secret_file={config.hooks.approval_secret_file}"]
    filled = [words.get(word, word) for word in line.removesuffix(" --config detector.toml").split()]
    call = [*filled, *(part for setting in settings for part in ("--set", setting))]
    return subprocess.run(call, capture_output=True, text=True, check=True, env=SHELL).stdout


def test_the_commands_of_the_page(broker: Broker, config: Config, receiver: Scripted) -> None:
    good, bad = (f"sip:{uuid.uuid4().hex[:8]}" for _ in range(2))
    for line in (good, bad):
        raise_alert(config, line, authenticated=False)
    with running(config):
        until(lambda: written(broker, good) and written(broker, bad))
        ids = {action.target: action.action_id for action in standing(config.hooks)}
        assert f"{ids[good]}  proposed  suspend line {good}  asserted" in command(config, "standing")
        command(config, "approve", ID=ids[good], NAME="wang")
        until(lambda: verbs(receiver, good) == ["suspend"])
        command(config, "lift ID", ID=ids[bad], NAME="wang")
        until(lambda: written(broker, bad)[0].state == "ended")
        command(config, "lift --all", NAME="li")
        until(lambda: verbs(receiver, good) == ["suspend", "lift"])
        until(lambda: standing(config.hooks) == [])
    assert [(each.state, each.author) for each in written(broker, bad)] == [("ended", "wang")]
    assert written(broker, good)[0].author == "li"
    assert verbs(receiver, bad) == []


def test_a_broker_that_dies_and_comes_back(broker: Broker, config: Config, receiver: Scripted) -> None:
    one, two = (f"sip:{uuid.uuid4().hex[:8]}" for _ in range(2))
    raise_alert(config, one)
    with running(config):
        until(lambda: verbs(receiver, one) == ["suspend"])
        broker.kill()
        broker.start()
        raise_alert(config, two)
        until(lambda: verbs(receiver, two) == ["suspend"])
    assert verbs(receiver, one) == ["suspend"]
    assert [each.deliveries[0].state for line in (one, two) for each in written(broker, line)] == ["delivered"] * 2
