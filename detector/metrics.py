"""Every Prometheus metric of the detector. Labels are short fixed lists; never a number, line or callee."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"detector_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"detector_{name}", text, labels, registry=REGISTRY)


calls = _counter("calls", "Calls judged.")
rejected = _counter("rejected", "Records sent to the dead letters.", "reason")
decode_fallback = _counter("decode_fallback", "Records the fast JSON scanner left to the general reader.")
duplicates = _counter("duplicates", "Calls dropped because the same call was seen before.")
late_calls = _counter("late_calls", "Calls released before the watermark; judged all the same.")
merge_idle = _counter("merge_idle", "Times a partition at its end was left out of the merge.")
stage_seconds = _counter("stage_seconds", "Seconds spent, by stage of the loop.", "stage")
newest_release = _gauge("newest_release_timestamp_seconds", "Release time of the newest call, Unix seconds.")
watermark = _gauge("watermark_timestamp_seconds", "Event time up to which timers have fired, Unix seconds.")
source_lag = _gauge("source_lag_records", "Records waiting in the source.")
lines = _gauge("lines", "Lines held in state.", "tier")
table_free = _gauge("free_rows_ratio", "Share of rows still free.", "tier")
capacity_evictions = _counter("capacity_evictions", "Rows given up for want of room.", "tier")
doorkeeper_active = _counter("doorkeeper_active", "Calls of unknown lines that got no row while rows were scarce.")
entities = _gauge("entities", "Entities above lines held in state: numbers, blocks, tenants, trunks and more.")
entities_refused = _counter("entities_refused", "Entities, or members of their samples, that got no room.")
links_given_up = _counter(
    "links_given_up", "Callees of contact lists, probes, follow-ups and targets that got no room.", "of"
)
bombings_held_back = _counter(
    "bombings_held_back",
    "People bombed with calls who are told by the alert of the trunk or customer that does it.",
)
repeats = _counter("repeats", "Alerts of customers and holders that began again after one ended, or moved.", "of")
open_alerts = _gauge("open_alerts", "Episodes open now.", "entity_kind")
alerts = _counter("alerts", "Episodes opened.", "kind", "severity")
revisions = _counter("alert_revisions", "Revisions written.", "state")
threshold = _gauge("threshold_nats", "Score above which a line alerts.")
shape_score = Histogram(
    "detector_shape_score",
    "How unusual ten minutes of a busy line are among those before, 0 to 1: information, never an alert.",
    buckets=(0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0),
    registry=REGISTRY,
)
changes = _counter("changes", "Changes asked for on detector.feedback that took effect.", "type")
complaints = _counter(
    "complaints", "Complaints counted, by whether a call was found that they probably mean.", "outcome"
)
complaint_ratio = _gauge(
    "complaint_ratio",
    "Highest share of answered calls of one entity that somebody complained of, where three or more people did.",
    "entity_kind",
)
model_drift = _counter("model_drift", "Times that what the model sees moved away from its usual values.", "what")
feed_trunks = _gauge("feed_trunks", "Trunks whose records have this trouble now.", "state")
muted = _gauge("muted_family", "1 while a family is muted because the feed cannot carry it.", "family")
epochs = _counter("epochs", "Epochs committed (process, flush, commit).")
epoch_seconds = Histogram("detector_epoch_seconds", "Seconds from step 1 to step 3 of an epoch.", registry=REGISTRY)
phase = _gauge("phase", "1 for the phase the process is in.", "phase")
build_info = _gauge("build_info", "Always 1; the versions are in the labels.", "code", "model", "config")
landed_unreadable = _counter("landed_unreadable", "Records of our own topics that could not be read.", "topic")
hook_deliveries = _counter("hook_deliveries", "Attempts to deliver a webhook, and those given up.", "outcome")
hook_actions = _counter("hook_actions", "Actions decided: proposed, ordered, rehearsed or lifted.", "verb", "mode")
actions_used_ratio = _gauge("actions_used_ratio", "Share of the hourly cap of actions that is used.")
circuit_open = _gauge("circuit_open", "1 while the circuit breaker leaves every action to people.")
