"""Nobody but a person or program on this machine, under our names, changes anything."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from detector.errors import ConfigError
from detector.web.guard import MAX_BODY_BYTES, POLICY, check_loopback
from tests.web.house import House
from tests.web.sample import alert, landing

ACKNOWLEDGE = f"/api/v1/alerts/{alert().alert_id}/acknowledge"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("run"), allowed_hosts=("noc.example",))
    house.write(landing(alert()))
    house.wait_for(alert().entity)
    yield house
    house.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_may_be_bound(host: str) -> None:
    check_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "noc.example", "", "127.0.0.1.evil.example"])
def test_nothing_else_may_be_bound(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.host.*web\.allowed_hosts"):
        check_loopback(host)
    with pytest.raises(ConfigError, match=r"web\.host"):
        House(tmp_path, host=host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765", "[::1]", "noc.example"])
def test_our_names_are_answered(guarded: House, host: str) -> None:
    assert httpx.get(guarded.url, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "localhost.evil.example", "", "127.0.0.1@evil"])
@pytest.mark.parametrize("where", ["/", "/api/v1/alerts", "/events", "/static/page.css", "/metrics"])
def test_a_stranger_name_that_resolves_here_is_refused(guarded: House, host: str, where: str) -> None:
    answer = httpx.get(guarded.url + where, headers={"host": host})
    assert answer.status_code == 421
    assert "web.allowed_hosts" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "{own}"}, 403),
        ({"origin": "{own}"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
    ],
)
def test_another_site_may_not_act(guarded: House, headers: dict[str, str], status: int) -> None:
    sent = {key: value.format(own=guarded.url) for key, value in headers.items()}
    assert httpx.post(guarded.url + ACKNOWLEDGE, json={}, headers=sent).status_code == status


def test_looking_from_a_link_elsewhere_is_allowed(guarded: House) -> None:
    assert httpx.get(guarded.url, headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_a_large_body_is_refused_said_or_unsaid(guarded: House) -> None:
    large = b'{"x": "' + b"x" * MAX_BODY_BYTES + b'"}'
    json_type = {"content-type": "application/json"}
    assert httpx.post(guarded.url + ACKNOWLEDGE, content=large, headers=json_type).status_code == 413
    in_parts = httpx.post(guarded.url + ACKNOWLEDGE, content=iter([large[:9000], large[9000:]]), headers=json_type)
    assert in_parts.status_code == 413


@pytest.mark.parametrize(
    "where", ["/", "/nothing", "/static/page.css", "/static/nothing", "/api/v1/alerts", "/metrics"]
)
def test_every_answer_carries_the_policy(guarded: House, where: str) -> None:
    headers = httpx.get(guarded.url + where).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if where == "/static/page.css" else "no-store")
    assert "server" not in headers


@pytest.mark.parametrize("where", ["/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"])
def test_files_outside_the_page_are_not_served(guarded: House, where: str) -> None:
    assert httpx.get(guarded.url + where).status_code == 404
