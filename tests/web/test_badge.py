"""Quiet, dead, behind or live: a wrong word here costs a night."""

from typing import Any

import pytest

from detector.config import Web
from detector.status import Status
from detector.web.badge import Badge, Heard, badge
from detector.web.ledger import DAY_MS
from tests.web.sample import NOW_MS, status

SETTINGS = Web(stale_after_s=30, quiet_after_s=120)
S = 1000


def told(*, said_s: int = 1, newest_s: int | None = 3, moving: bool = True, **fields: Any) -> Heard:
    newest = None if newest_s is None else NOW_MS - newest_s * S
    return Heard(status(wall_ms=NOW_MS - said_s * S, newest_release_ms=newest, **fields), moving)


def shown(*instances: Heard) -> Badge:
    return badge(instances, SETTINGS, NOW_MS)


@pytest.mark.parametrize(
    ("one", "word", "level", "text"),
    [
        (told(), "live", "good", "newest call 3 s ago"),
        (told(lag=12_000), "live", "good", "newest call 3 s ago, 12,000 records wait"),
        (told(said_s=29), "live", "good", "newest call 3 s ago"),
        (told(said_s=31), "dead", "alarm", "no sign of life from the detector since 2026-11-24 08:59:29 UTC"),
        (told(newest_s=119), "live", "good", "newest call 1 min ago"),
        (
            told(newest_s=121, moving=False),
            "quiet",
            "notice",
            "no calls since 2026-11-24 08:57:59 UTC, but the detector is alive",
        ),
        (told(newest_s=None, moving=False), "quiet", "notice", "no call yet since 2026-11-24 06:00:00 UTC"),
        (told(newest_s=600, lag=12_000), "behind", "notice", "newest call judged 10 min ago, 12,000 records wait"),
        (told(newest_s=600, lag=0), "live", "good", "calls arrive 10 min after they end"),
        (told(newest_s=600, lag=None), "live", "good", "calls arrive 10 min after they end"),
        (
            told(newest_s=600, phase="recovering", lag=5),
            "recovering",
            "notice",
            "now at 2026-11-24 08:50:00 UTC, 5 rec",
        ),
        (told(phase="stopping", said_s=900), "stopped", "notice", "was stopped at 2026-11-24 08:45:00 UTC"),
        (told(speed=60.0, newest_s=86_400), "replay", "good", "history at 60 times its speed, now at 2026-11-23 09:00"),
        (told(speed=60.0, said_s=40), "dead", "alarm", "no sign of life"),
        (told(newest_s=None, phase="standby"), "standby", "notice", "waits to take over from another detector"),
        (told(phase="finished", said_s=9000), "finished", "good", "all calls are read; the last one is of 2026-11-24"),
    ],
)
def test_one_detector(one: Heard, word: str, level: str, text: str) -> None:
    made = shown(one)
    assert (made.word, made.level) == (word, level)
    assert text in made.text


def test_no_detector_ever() -> None:
    assert shown().word == "waiting"
    assert "detector run" in shown().text


def test_the_one_that_needs_attention_speaks_for_all() -> None:
    made = shown(told(instance="a"), told(instance="b", said_s=60), told(instance="c", newest_s=600, moving=False))
    assert made.word == "dead"
    assert made.text.startswith("b: no sign of life")
    assert made.instances == 3
    assert made.calls == 3 * told().status.calls


def test_a_standby_leaves_the_word_to_the_one_that_judges() -> None:
    assert shown(told(instance="a", newest_s=None, phase="standby"), told(instance="b")).word == "live"


@pytest.mark.parametrize(
    "gone", [told(instance="old", phase="stopping", said_s=60), told(instance="old", said_s=DAY_MS // S + 1)]
)
def test_one_that_said_goodbye_is_forgotten_while_another_lives(gone: Heard) -> None:
    assert shown(gone, told(instance="new")).word == "live"
    assert shown(gone).word in ("stopped", "dead")


def test_ago_is_counted_from_the_newest_call_in_a_replay_and_from_the_wall_live() -> None:
    assert shown(told()).now_ms == NOW_MS
    for one in (told(speed=60.0, newest_s=9_999_999), told(phase="finished", speed=60.0, newest_s=9_999_999)):
        assert shown(one).now_ms == NOW_MS - 9_999_999 * S


def test_muted_families_of_all_instances() -> None:
    assert shown(told(instance="a", muted=("script",)), told(instance="b", muted=("answer",))).muted == (
        "answer",
        "script",
    )


def test_warnings_about_the_model_of_all_instances_once() -> None:
    made = shown(told(instance="a", warnings=("the gate moved",)), told(instance="b", warnings=("the gate moved",)))
    assert made.warnings == ("the gate moved",)


def test_every_status_gives_a_badge() -> None:
    odd: Status = status(wall_ms=NOW_MS + 10**12, newest_release_ms=2**62, started_ms=-(2**62), calls=0, lag=0)
    assert shown(Heard(odd, False)).word == "live"
