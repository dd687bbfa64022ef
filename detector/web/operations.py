"""The one table of what can be asked of the web program, by whom, with what, and what comes back.

Routes, the role check, the reading of queries and bodies, errors and /openapi.json are all made from it.
"""

from detector.web import api, pages
from detector.web.contract import Html, Operation, Text
from detector.web.openapi import OpenApi, describe
from detector.web.queue import Standing

OPERATIONS = (
    # for people
    Operation("GET", "/", "viewer", pages.queue, Html, query=pages.QueueQuery),
    Operation("GET", "/alerts/{alert_id}", "viewer", pages.alert, Html),
    Operation("GET", "/silences", "viewer", pages.silences, Html),
    Operation("GET", "/feed", "viewer", pages.feed, Html),
    Operation("GET", "/audit", "viewer", pages.audit, Html, query=pages.PageQuery),
    Operation("GET", "/fragments/badge", "viewer", pages.badge_fragment, Html),
    Operation("GET", "/fragments/queue", "viewer", pages.queue_fragment, Html, query=pages.QueueQuery),
    Operation("GET", "/fragments/alerts/{alert_id}", "viewer", pages.alert_fragment, Html),
    Operation("GET", "/fragments/feed", "viewer", pages.feed_fragment, Html),
    Operation("GET", "/fragments/silences", "viewer", pages.silences_fragment, Html),
    Operation("POST", "/alerts/{alert_id}/acknowledge", "operator", api.acknowledge, Html),
    Operation("POST", "/alerts/{alert_id}/unacknowledge", "operator", api.unacknowledge, Html),
    Operation("POST", "/alerts/{alert_id}/verdict", "operator", api.give_verdict, Html, body=api.VerdictBody),
    Operation("POST", "/silences", "operator", api.make_silence, Html, body=api.SilenceBody),
    Operation("POST", "/silences/{silence_id:int}/lift", "operator", api.lift_silence, Html),
    Operation("POST", "/name", "viewer", pages.set_name, Html, body=pages.NameForm),
    # for programs
    Operation("GET", "/api/v1/alerts", "viewer", api.list_alerts, api.Alerts, query=api.AlertsQuery),
    Operation("GET", "/api/v1/alerts/{alert_id}", "viewer", api.get_alert, api.AlertDetail),
    Operation("POST", "/api/v1/alerts/{alert_id}/acknowledge", "operator", api.acknowledge, Standing),
    Operation("POST", "/api/v1/alerts/{alert_id}/unacknowledge", "operator", api.unacknowledge, Standing),
    Operation(
        "POST", "/api/v1/alerts/{alert_id}/verdict", "operator", api.give_verdict, Standing, body=api.VerdictBody
    ),
    Operation("GET", "/api/v1/silences", "viewer", api.list_silences, api.Silences),
    Operation("POST", "/api/v1/silences", "operator", api.make_silence, api.Silenced, body=api.SilenceBody),
    Operation("POST", "/api/v1/silences/{silence_id:int}/lift", "operator", api.lift_silence, api.Silences),
    Operation("GET", "/api/v1/feed", "viewer", api.feed_state, api.FeedState),
    Operation("GET", "/healthz", "viewer", api.health, api.Health),
    Operation("GET", "/metrics", "viewer", api.prometheus, Text),
    Operation("GET", "/openapi.json", "viewer", describe, OpenApi),
)
