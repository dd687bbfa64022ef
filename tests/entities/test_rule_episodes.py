"""Alerts about broken rules: what they count, and when they end."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.alert.revision import Alert
from tests.calls import call, judge, small_config
from tests.entities.campaigns import others, people

BLOCK = {"block": "952750", "holder": "H", "declared_purpose": "inbound_hotline", "trunks": ["own"]}


def shown(n: int, trunk: str) -> list[dict[str, Any]]:
    """Calls that show the code, two of five answered."""
    return [
        call(
            "051288880000",
            callee,
            60.0 + 5 * i,
            20.0 if i % 5 in (0, 2) else None,
            presented=f"952750{i % 7:02}",
            trunk_in=trunk,
        )
        for i, callee in enumerate(people(n))
    ]


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """The alerts about rules that these calls bring."""
    registry = tmp_path / "registry.json"
    registry.write_text(json.dumps({"blocks": [BLOCK | {"first": "95275000", "last": "95275099"}]}))

    def rules(calls: list[dict[str, Any]]) -> list[Alert]:
        alerts, _ = judge(calls, small_config(numbering__registry=str(registry)))
        return [alert for alert in alerts if alert.kind == "rule_violation"]

    return rules


def test_a_broken_rule_counts_calls_people_and_harm(told: Any) -> None:
    alerts = told(shown(100, "own") + others(1.0))
    assert {alert.reasons[0].feature for alert in alerts} == {"inbound_only"}
    assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))
    last = alerts[-1]
    assert (last.entity_kind, last.entity, last.state) == ("block", "952750", "open")
    assert last.calls > 60
    assert last.distinct_callees == last.calls
    assert last.answered == pytest.approx(0.4 * last.calls, abs=1)
    assert last.score > 0
    minutes = (last.updated_at_ms - last.first_call_ms) / 60_000
    assert last.harm == pytest.approx(last.answered / minutes * 30, rel=0.05)


def test_one_alert_a_rule_until_a_day_without_it(told: Any) -> None:
    alerts = told(shown(20, "foreign") + others(25.5, 600.0))
    ends = {alert.reasons[0].feature: alert.state for alert in alerts}
    assert ends == {"inbound_only": "resolved", "foreign_trunk": "resolved"}
    assert len({alert.alert_id for alert in alerts}) == 2
