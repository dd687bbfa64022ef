"""Metrics, alert rules, dashboard and runbook name the same things, and Prometheus accepts them."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from detector.metrics import REGISTRY

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
RULE_TESTS = (DEPLOY / "prometheus" / "alerts.test.yml").read_text(encoding="utf-8")
RUNBOOK = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
GRAFANA = runpy.run_path(str(DEPLOY / "grafana" / "dashboard.py"))
EXPRESSIONS = [expression for _, _, _, targets in GRAFANA["PANELS"] for expression in targets.values()]
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def _families() -> list[Metric]:
    return list(REGISTRY.collect())


def _series(family: Metric) -> set[str]:
    return {family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))}


def _named(text: str) -> set[str]:
    return set(re.findall(r"\bdetector_[a-z_]+", text))


def test_rules_and_dashboard_name_only_metrics_that_exist() -> None:
    known = set().union(*map(_series, _families()))
    used = _named(" ".join(EXPRESSIONS)) | _named(re.sub(r"#.*", "", RULES)) | _named(RULE_TESTS)
    assert used <= known


def test_every_metric_is_shown_or_alerted_on() -> None:
    used = _named(" ".join(EXPRESSIONS)) | _named(RULES)
    assert not [family.name for family in _families() if not _series(family) & used]


def test_no_label_can_carry_a_number_or_a_line() -> None:
    labels = {label for collector in REGISTRY._collector_to_names for label in getattr(collector, "_labelnames", ())}
    assert labels  # the private attributes above still mean what they meant
    assert not labels & {"line", "number", "callee", "entity", "tenant", "a_number", "b_number", "alert_id"}


def test_rules_fire_and_keep_quiet_as_their_cases_say(promtool: str) -> None:
    _run([promtool, "test", "rules", "alerts.test.yml"], cwd=DEPLOY / "prometheus")


def test_dashboard_expressions_are_promql(promtool: str, tmp_path: Path) -> None:
    rules = "".join(f"      - {{record: 'panel:{i}', expr: '{e}'}}\n" for i, e in enumerate(EXPRESSIONS))
    file = tmp_path / "panels.yml"
    file.write_text("groups:\n  - name: panels\n    rules:\n" + rules, encoding="utf-8")
    _run([promtool, "check", "rules", str(file)])


def test_metrics_page_passes_the_lint(promtool: str) -> None:
    _run([promtool, "check", "metrics"], text=generate_latest(REGISTRY).decode())


@pytest.mark.parametrize("rule", re.findall(r"- alert: (\w+)", RULES))
def test_every_rule_has_a_case_and_a_runbook_heading(rule: str) -> None:
    assert f"alertname: {rule}\n        exp_alerts" in RULE_TESTS
    assert re.search(rf"^#+ {rule}$", RUNBOOK, re.MULTILINE)


def _run(command: list[str], cwd: Path | None = None, text: str = "") -> None:
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
