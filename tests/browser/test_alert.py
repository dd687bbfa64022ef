"""An operator at one alert, at the silences and at the audit."""

import re

import msgspec
from playwright.sync_api import Page, expect

from tests.browser.conftest import Landing, fresh_alert, fresh_status, revised
from tests.web.house import House


def open_alert(page: Page, house: House, entity: str = "95275000017") -> None:
    page.goto(house.url)
    page.get_by_role("link", name=entity).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(entity)


def test_why_how_and_what(page: Page, house: House, land: Landing) -> None:
    alert = fresh_alert()
    early = msgspec.structs.replace(alert, score=13.4, calls=14, severity="warning")
    land(fresh_status(), early, revised(alert))
    open_alert(page, house)
    for said in (
        "41 calls to 39 people",
        "36 more people",
        "answered calls end after 21 to 24 s",
        "Would not alert if 4 of the people it called had called back.",
        "Suspend line 95275000017",
    ):
        expect(page.locator("main")).to_contain_text(said)
    expect(page.locator("table.reasons tbody tr")).to_have_count(5)
    expect(page.locator("table.calls tbody tr")).to_have_count(24)
    expect(page.locator("svg.chart circle.mark")).to_have_count(2)
    expect(page.locator("svg.chart circle.answered")).to_have_count(8)
    expect(page.locator("svg.chart circle.unanswered")).to_have_count(16)
    expect(page.locator("time[data-local]").first).to_have_attribute("data-seen", re.compile(r"^\d\d:\d\d$"))
    bar = page.locator("table.reasons rect.against").first.bounding_box()
    assert bar is not None
    assert bar["width"] > 50


def test_a_revision_shows_while_a_form_is_half_filled(page: Page, house: House, land: Landing) -> None:
    alert = fresh_alert()
    land(fresh_status(), alert)
    open_alert(page, house)
    page.get_by_label("What did you find?").select_option("dialer")
    page.get_by_label("Why", exact=True).fill("I called three of them")
    land(revised(alert, calls=82))
    expect(page.locator("main")).to_contain_text("82 calls")
    expect(page.get_by_label("Why", exact=True)).to_have_value("I called three of them")
    expect(page.get_by_label("What did you find?")).to_have_value("dialer")
    page.get_by_role("button", name="Give the verdict").click()
    expect(page.locator("main")).to_contain_text("It is a mass dialer")
    expect(page.locator("main")).to_contain_text("operator, ")
    expect(page.get_by_label("Why", exact=True)).to_have_value("")


def test_take_it_with_a_key(page: Page, house: House, land: Landing) -> None:
    land(fresh_status(), fresh_alert())
    open_alert(page, house)
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Give back")).to_be_visible()


def test_silence_it_and_end_the_silence(page: Page, house: House, land: Landing) -> None:
    land(fresh_status(), fresh_alert())
    open_alert(page, house)
    page.get_by_text("Keep it out of the queue").click()
    page.get_by_label("Reason", exact=True).fill("load test, agreed")
    page.get_by_role("button", name="Silence 95275000017").click()
    expect(page.locator("main")).to_contain_text("Silenced until")
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_text("Nothing to act on")).to_be_visible()
    page.get_by_role("link", name="Silences").click()
    row = page.locator("#silences tbody tr")
    for said in ("95275000017", "load test, agreed", "operator", "every kind"):
        expect(row).to_contain_text(said)
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("No silence is in force")).to_be_visible()
    page.get_by_role("link", name="Audit").click()
    expect(page.locator("main tbody tr")).to_have_count(2)
    expect(page.locator("main tbody tr").nth(1)).to_contain_text("reason: load test, agreed")


def test_a_silence_by_hand(page: Page, house: House, land: Landing) -> None:
    land(fresh_status(), fresh_alert(tenant="tenant-9"))
    page.goto(f"{house.url}/silences")
    page.get_by_label("Kind of entity").select_option("tenant")
    page.get_by_label("Entity", exact=True).fill("tenant-9")
    page.get_by_label("Reason").fill("agreed with the tenant")
    page.get_by_role("button", name="Silence").click()
    row = page.locator("#silences tbody tr")
    expect(row).to_contain_text("tenant-9")
    expect(row.locator("td").nth(5)).to_have_text("1")


def test_a_tenant_holds_its_lines(page: Page, house: House, land: Landing) -> None:
    lines = [fresh_alert(f"line-{i}", tenant="tenant-9", number=f"n-{i}", block=None) for i in range(3)]
    land(fresh_status(), *lines, fresh_alert("tenant-9", entity_kind="tenant", tenant="tenant-9"))
    page.goto(house.url)
    expect(page.locator("table.queue tbody tr")).to_have_count(1)
    expect(page.locator("table.queue tbody tr")).to_contain_text("holds 3 smaller alerts")
    page.get_by_role("link", name="tenant-9", exact=True).click()
    page.get_by_role("link", name="line-1").click()
    expect(page.locator("main")).to_contain_text("part of a larger alert")


def test_the_link_is_copied(page: Page, house: House, land: Landing) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    land(fresh_status(), fresh_alert())
    open_alert(page, house)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_what_the_server_refuses_is_said(page: Page, house: House, land: Landing, complaints: list[str]) -> None:
    land(fresh_status(), fresh_alert())
    open_alert(page, house)
    page.get_by_label("What did you find?").select_option("dialer")
    page.get_by_label("Why", exact=True).evaluate("field => { field.required = false; }")
    page.get_by_role("button", name="Give the verdict").click()
    expect(page.locator("#problem")).to_contain_text("The request cannot be understood")
    assert ["422" in said for said in complaints] == [True]
    complaints.clear()


def test_no_button_or_field_is_nameless(page: Page, house: House, land: Landing) -> None:
    land(fresh_status(), fresh_alert())
    open_alert(page, house)
    page.goto(page.url)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea, summary")]
            .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
