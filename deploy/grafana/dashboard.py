"""Writes dashboard.json: `python3 deploy/grafana/dashboard.py`. Add a panel here, not in the JSON.

Classic JSON (schema of Grafana 10, which newer ones migrate on load), one data source variable, UTC.
"""

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("dashboard.json")
WIDTH, HEIGHT = 8, 7

# title, unit, what a NOC reads from it, {legend: expression}
PANELS: list[tuple[str, str, str, dict[str, str]]] = [
    (
        "Age of the newest call",
        "s",
        "Quiet or dead? Grows by a second a second when the feed has stopped; stays near 0 when all is well.",
        {"{{instance}}": "time() - detector_newest_release_timestamp_seconds"},
    ),
    ("Phase", "none", "recovering, live or stopping.", {"{{instance}} {{phase}}": "detector_phase == 1"}),
    (
        "Records waiting",
        "none",
        "Lag: records in the source not yet judged.",
        {"{{instance}}": "detector_source_lag_records"},
    ),
    ("Calls judged", "cps", "Calls a second.", {"{{instance}}": "rate(detector_calls_total[5m])"}),
    (
        "Dead letters",
        "cps",
        "Records a second that could not be read, by reason.",
        {"{{reason}}": "sum by (reason) (rate(detector_rejected_total[5m]))"},
    ),
    (
        "Unreadable records of our own topics",
        "none",
        "In five minutes; anything but 0 means that a foreign or newer program writes to them.",
        {"{{topic}}": "increase(detector_landed_unreadable_total[5m])"},
    ),
    (
        "Late and repeated calls",
        "percentunit",
        "Share of calls that came after the watermark, or came twice.",
        {
            "late": "sum(rate(detector_late_calls_total[5m])) / sum(rate(detector_calls_total[5m]))",
            "repeated": "sum(rate(detector_duplicates_total[5m])) / sum(rate(detector_calls_total[5m]))",
        },
    ),
    ("Open alerts", "none", "Episodes open now.", {"{{entity_kind}}": "sum by (entity_kind) (detector_open_alerts)"}),
    (
        "Alerts opened in an hour",
        "none",
        "By kind; compare with the false alerts a day that the configuration accepts.",
        {"{{kind}}": "sum by (kind) (increase(detector_alerts_total[1h]))"},
    ),
    (
        "Revisions written",
        "none",
        "Alert records on their way to page and hooks, in five minutes.",
        {"{{state}}": "sum by (state) (increase(detector_alert_revisions_total[5m]))"},
    ),
    ("Threshold", "none", "Score, in nats, above which a line alerts.", {"{{instance}}": "detector_threshold_nats"}),
    (
        "Muted families",
        "none",
        "Kinds of evidence this feed cannot carry. Muted is not silent: such lines are judged on less.",
        {"{{family}}": "max by (family) (detector_muted_family) == 1"},
    ),
    (
        "Trunks in trouble",
        "none",
        "By what is wrong with their records; the page's Feed tells which, and what it mutes.",
        {"{{state}}": "max by (state) (detector_feed_trunks) > 0"},
    ),
    (
        "Changes in what the model sees",
        "none",
        "In a day; each is told in the log and on the page. Many mean: fit the model to this traffic.",
        {"{{what}}": "sum by (what) (increase(detector_model_drift_total[1d]))"},
    ),
    (
        "Changes by people",
        "none",
        "In an hour: what was asked for on detector.feedback and took effect.",
        {"{{type}}": "sum by (type) (increase(detector_changes_total[1h]))"},
    ),
    (
        "Complaints",
        "none",
        "In an hour, by whether a call was found that they probably mean; and the highest rate of one entity.",
        {
            "{{outcome}} in an hour": "sum by (outcome) (increase(detector_complaints_total[1h]))",
            "{{entity_kind}}, of 10,000 answered": "10000 * max by (entity_kind) (detector_complaint_ratio)",
        },
    ),
    (
        "Unusual shapes",
        "percentunit",
        "Score that one in a hundred windows of busy lines passes, and half of them: a second opinion, never an alert.",
        {
            "1 in 100": "histogram_quantile(0.99, sum by (le) (rate(detector_shape_score_bucket[1h])))",
            "median": "histogram_quantile(0.5, sum by (le) (rate(detector_shape_score_bucket[1h])))",
        },
    ),
    ("Lines held", "none", "By tier of memory.", {"{{tier}}": "sum by (tier) (detector_lines)"}),
    (
        "Free rows",
        "percentunit",
        "Under 10 % lines are about to be given up.",
        {"{{tier}}": "min by (tier) (detector_free_rows_ratio)"},
    ),
    (
        "Given up for want of room",
        "none",
        "While any of these is not zero, a replay may tell other alerts than the live run did.",
        {
            "evicted {{tier}}": "sum by (tier) (increase(detector_capacity_evictions_total[1h]))",
            "turned away": "sum(increase(detector_doorkeeper_active_total[1h]))",
            "partition not waited for": "sum(increase(detector_merge_idle_total[1h]))",
        },
    ),
    (
        "Entities above lines",
        "none",
        "Numbers, blocks, tenants, trunks, holders and destinations held. Refused: raise state.entity_capacity.",
        {
            "held": "sum(detector_entities)",
            "refused in an hour": "sum(increase(detector_entities_refused_total[1h]))",
            "links given up in an hour": "sum(increase(detector_links_given_up_total[1h]))",
            "bombed with others in an hour": "sum(increase(detector_bombings_held_back_total[1h]))",
            "began again in an hour": "sum by (of) (increase(detector_repeats_total[1h]))",
        },
    ),
    (
        "Epochs",
        "s",
        "Process, send and flush, commit: how long 99 of 100 take, and the median.",
        {
            "99 %": "histogram_quantile(0.99, sum by (le) (rate(detector_epoch_seconds_bucket[5m])))",
            "median": "histogram_quantile(0.5, sum by (le) (rate(detector_epoch_seconds_bucket[5m])))",
        },
    ),
    ("Epochs committed", "none", "In five minutes.", {"{{instance}}": "increase(detector_epochs_total[5m])"}),
    (
        "Where the time goes",
        "percentunit",
        "Share of one core, by stage of the loop.",
        {"{{stage}}": "sum by (stage) (rate(detector_stage_seconds_total[5m]))"},
    ),
    (
        "Decode on the slow path",
        "percentunit",
        "Share of records that the fast scanner left to the general reader.",
        {"fallback": "sum(rate(detector_decode_fallback_total[5m])) / sum(rate(detector_calls_total[5m]))"},
    ),
    (
        "Watermark",
        "dateTimeAsIso",
        "Event time up to which timers have fired.",
        {"{{instance}}": "detector_watermark_timestamp_seconds * 1000"},
    ),
    (
        "Webhooks",
        "none",
        "Attempts in five minutes, by what the receivers answered.",
        {"{{outcome}}": "sum by (outcome) (increase(detector_hook_deliveries_total[5m]))"},
    ),
    (
        "Actions in an hour",
        "none",
        "Proposed, ordered, rehearsed (dry run) and lifted.",
        {"{{verb}} {{mode}}": "sum by (verb, mode) (increase(detector_hook_actions_total[1h]))"},
    ),
    (
        "Cap of actions",
        "percentunit",
        "Used share of the hourly cap; at 100 % the circuit breaker opens and every action asks a person.",
        {"used": "max(detector_actions_used_ratio)", "breaker open": "max(detector_circuit_open)"},
    ),
    (
        "Versions",
        "none",
        "What judges: program, model, configuration.",
        {"{{code}} {{model}} {{config}}": "detector_build_info"},
    ),
]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": "cdr-detector",
        "id": None,
        "title": "CDR detector",
        "tags": ["cdr-detector"],
        "timezone": "utc",
        "refresh": "30s",
        "schemaVersion": 38,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(PANELS)],
    }


def _panel(number: int, title: str, unit: str, description: str, expressions: dict[str, str]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": source,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": source, "expr": expression, "legendFormat": legend}
            for i, (legend, expression) in enumerate(expressions.items())
        ],
    }


def text() -> str:
    """The content of dashboard.json."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
