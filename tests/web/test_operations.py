"""Every row of the table of operations, over real HTTP."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from detector.alert.revision import ENTITY_KINDS
from detector.web import api
from detector.web.contract import Html, Nothing, Operation, Text
from detector.web.desk import EntityKind
from detector.web.openapi import document
from detector.web.operations import OPERATIONS
from detector.web.problem import ProblemBody
from detector.web.queue import Standing
from tests.web.house import House
from tests.web.sample import alert, landing, status, telling

GETS = [one for one in OPERATIONS if one.method == "GET"]
POSTS = [one for one in OPERATIONS if one.method == "POST"]
FOR_PROGRAMS = [one for one in OPERATIONS if not one.is_page]
BODIES: dict[type, dict[str, Any]] = {
    api.VerdictBody: {"verdict": "fault", "reason": "a switch test"},
    api.SilenceBody: {"entity_kind": "line", "entity": "another", "reason": "agreed", "hours": 2},
}


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def path(operation: Operation, silence_id: int = 1) -> str:
    filled = operation.path.replace("{alert_id}", alert().alert_id)
    return filled.replace("{silence_id:int}", str(silence_id))


@pytest.fixture(scope="module")
def standing_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("run"))
    house.write([telling(status()), *landing(alert())])
    house.wait_for(alert().entity)
    yield house
    house.stop()


@pytest.mark.parametrize("operation", GETS, ids=name)
def test_looking_answers_and_changes_nothing(standing_house: House, operation: Operation) -> None:
    version = standing_house.ledger.version
    answer = httpx.get(standing_house.url + path(operation))
    assert answer.status_code == 200
    assert standing_house.ledger.version == version
    if operation.reply in (Html, Text):
        assert answer.headers["content-type"].startswith("text/")
    else:
        assert msgspec.json.decode(answer.content, type=operation.reply)


@pytest.mark.parametrize("operation", POSTS, ids=name)
def test_acting_is_refused_to_viewers(tmp_path: Path, operation: Operation) -> None:
    house = House(tmp_path / "run", role="viewer")
    try:
        answer = httpx.post(house.url + path(operation), json={} if not operation.is_page else None)
        assert (answer.status_code == 403) == (operation.role == "operator")
    finally:
        house.stop()


@pytest.mark.parametrize("operation", [one for one in POSTS if not one.is_page], ids=name)
def test_programs_act_with_json_only(standing_house: House, operation: Operation) -> None:
    silence_id = httpx.post(f"{standing_house.url}/api/v1/silences", json=BODIES[api.SilenceBody]).json()["silence_id"]
    url = standing_house.url + path(operation, silence_id)
    body = BODIES.get(operation.body, {})
    as_form = httpx.post(url, data=body)
    assert as_form.status_code == 415
    assert httpx.post(url, json={**body, "surplus": 1}).status_code == 422
    wrong = httpx.post(url, content=b"{", headers={"content-type": "application/json"})
    assert wrong.status_code == 400
    for refused in (as_form, wrong):
        assert refused.headers["content-type"] == "application/problem+json"
        assert msgspec.json.decode(refused.content, type=ProblemBody).status == refused.status_code
    answer = httpx.post(url, json=body)
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content, type=operation.reply)


def test_what_programs_do_is_seen_by_programs(house: House) -> None:
    house.write(landing(alert()))
    house.wait_for(alert().entity)
    url = f"{house.url}/api/v1/alerts/{alert().alert_id}"
    with httpx.Client(cookies={"operator": "Zo%C3%AB%20%E5%BC%A0"}) as client:
        owned = client.post(f"{url}/acknowledge", json={})
        assert msgspec.json.decode(owned.content, type=Standing).owner == "Zoë 张"
        client.post(f"{url}/verdict", json={"verdict": "dialer", "reason": "a recording"})
    detail = msgspec.json.decode(httpx.get(url).content, type=api.AlertDetail)
    assert detail.revisions == [alert()]
    assert [(one.author, one.verdict) for one in detail.verdicts] == [("Zoë 张", "dialer")]
    listed = msgspec.json.decode(httpx.get(f"{house.url}/api/v1/alerts?size=1").content, type=api.Alerts)
    assert [one.alert for one in listed.alerts] == [alert()]
    assert listed.counts["queue"] == 1


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("view=nowhere", "$.view"),
        ("page=0", "$.page"),
        ("page=abc", "$.page"),
        ("size=501", "$.size"),
        ("severity=loud", "$.severity"),
        ("surplus=1", "surplus"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_where(standing_house: House, query: str, place: str) -> None:
    answer = httpx.get(f"{standing_house.url}/api/v1/alerts?{query}")
    assert answer.status_code == 422
    assert place in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "guilty", "reason": "x"},
        {"verdict": "dialer", "reason": ""},
        {"verdict": "dialer", "reason": "x" * 501},
        {"verdict": "dialer"},
        [],
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(standing_house: House, body: object) -> None:
    url = f"{standing_house.url}/api/v1/alerts/{alert().alert_id}/verdict"
    assert httpx.post(url, json=body).status_code == 422


def test_unknown_alerts_and_paths(standing_house: House) -> None:
    for where in ("/api/v1/alerts/none", "/api/v1/nothing", "/api/v1/alerts/none/acknowledge"):
        method = "POST" if where.endswith("acknowledge") else "GET"
        answer = httpx.request(method, standing_house.url + where, json={})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    page = httpx.get(f"{standing_house.url}/alerts/none")
    assert page.status_code == 404
    assert "No such alert" in page.text
    wrong = httpx.delete(f"{standing_house.url}/api/v1/alerts")
    assert wrong.status_code == 405
    assert wrong.json()["status"] == 405


def test_a_failure_inside_says_nothing_of_the_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("detector.web.queue.Queue.rows", fail)
    answer = httpx.get(f"{house.url}/api/v1/alerts")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["title"] == "Internal Server Error"


def test_forms_act_without_scripts_and_with_them(house: House) -> None:
    house.write(landing(alert()))
    house.wait_for(alert().entity)
    page = f"/alerts/{alert().alert_id}"
    plain = httpx.post(f"{house.url}{page}/acknowledge")
    assert (plain.status_code, plain.headers["location"]) == (303, page)
    scripted = httpx.post(
        f"{house.url}{page}/verdict", data={"verdict": "unsure", "reason": "ask"}, headers={"hx-request": "true"}
    )
    assert (scripted.status_code, scripted.headers["hx-trigger"]) == (204, "changed")
    detail = httpx.get(f"{house.url}/api/v1{page}").json()
    assert (detail["standing"]["owner"], detail["verdicts"][0]["reason"]) == ("operator", "ask")
    refused = httpx.post(f"{house.url}{page}/verdict", data={"verdict": "x"}, headers={"hx-request": "true"})
    assert refused.status_code == 422
    assert refused.json()["title"] == "The request cannot be understood"


def test_a_name_is_kept_in_a_cookie(house: House) -> None:
    answer = httpx.post(f"{house.url}/name", data={"name": "Zoë; 张"})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    with httpx.Client() as client:
        client.post(f"{house.url}/name", data={"name": "Zoë; 张"})
        assert "Zoë; 张" in client.get(house.url).text


def test_metrics_carry_no_number(standing_house: House) -> None:
    text = httpx.get(f"{standing_house.url}/metrics").text
    assert "detector_landed_unreadable_total" in text
    lines = [line for line in text.splitlines() if not line.startswith("detector_build_info{")]  # hashes of versions
    assert re.findall(r'="[^"]*\d{5}[^"]*"', "\n".join(lines)) == []


def test_health_tells_of_the_detector_too(standing_house: House) -> None:
    assert httpx.get(f"{standing_house.url}/healthz").json()["status"] == "ok"
    feed = httpx.get(f"{standing_house.url}/api/v1/feed").json()
    assert feed["state"] in ("dead", "live", "quiet")  # the sample clock is not the wall clock
    assert feed["calls"] == 1_284_311


# The document ------------------------------------------------------------------------------------------------------


def test_openapi_holds_every_operation_for_programs_and_every_reference() -> None:
    made = document(FOR_PROGRAMS)
    assert made["openapi"] == "3.1.0"
    described = {f"{method.upper()} {p}" for p, methods in made["paths"].items() for method in methods}
    assert described == {name(one).replace(":int", "") for one in FOR_PROGRAMS}
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(made))
    assert set(references) <= set(made["components"]["schemas"])
    assert all(operation["summary"] for methods in made["paths"].values() for operation in methods.values())


def test_the_table_is_sound() -> None:
    assert len({name(one) for one in OPERATIONS}) == len(OPERATIONS)
    for one in OPERATIONS:
        assert one.answer.__doc__
        assert one.method == "POST" or (one.role == "viewer" and one.body is Nothing)
        assert one.is_page != one.path.startswith(("/api/", "/healthz", "/metrics", "/openapi"))


def test_entity_kinds_are_those_of_alerts() -> None:
    assert EntityKind.__args__ == ENTITY_KINDS  # type: ignore[attr-defined]
