"""An operator at the queue."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Landing, fresh_alert, fresh_status, revised
from tests.web.house import House

ROWS = "table.queue tbody tr"


def names(page: Page) -> list[str]:
    return page.locator("a.open").all_inner_texts()


def test_an_alert_that_lands_shows_by_itself(queue: Page, land: Landing) -> None:
    expect(queue.get_by_text("Nothing to act on")).to_be_visible()
    expect(queue.get_by_text("1,284,311")).to_be_visible()
    alert = fresh_alert()
    land(alert)
    row = queue.locator(ROWS)
    expect(row).to_contain_text("95275000017")
    for said in ("critical", "36", "people", "Mass dialing", "41", "12 answered", "Suspend proposed", "24 min ago"):
        expect(row).to_contain_text(said)
    expect(queue).to_have_title("(1) Queue · call watch")
    land(revised(alert, calls=82, harm=77.0))
    expect(row).to_contain_text("82")


def test_the_list_stays_still_under_the_pointer(queue: Page, land: Landing) -> None:
    second = fresh_alert("second", harm=5.0)
    land(fresh_alert("first", harm=10.0), second)
    expect(queue.locator(ROWS)).to_have_count(2)
    queue.locator(ROWS).nth(1).hover()
    land(fresh_alert("worst", harm=99.0), revised(second, harm=50.0))
    expect(queue.get_by_role("button", name="1 new")).to_be_visible()
    assert names(queue) == ["first", "second"]
    expect(queue.locator(ROWS).nth(1)).to_contain_text("50")
    queue.get_by_role("button", name="1 new").click()
    expect(queue.locator(ROWS)).to_have_count(3)
    assert names(queue) == ["worst", "second", "first"]


def test_an_alert_that_ends_is_struck_out_under_the_pointer_and_goes_without(queue: Page, land: Landing) -> None:
    two = fresh_alert("two")
    land(fresh_alert("one"), two)
    expect(queue.locator(ROWS)).to_have_count(2)
    queue.locator(ROWS).first.hover()
    land(revised(two, state="resolved"))
    expect(queue.locator("tr.left")).to_contain_text("resolved")
    queue.mouse.move(5, 5)
    land(fresh_status())
    expect(queue.locator(ROWS)).to_have_count(1)


def test_taking_in_one_tab_shows_in_another(queue: Page, context: BrowserContext, house: House, land: Landing) -> None:
    land(fresh_alert())
    other = context.new_page()
    other.goto(house.url)
    queue.get_by_role("button", name="Take").click()
    for tab in (queue, other):
        expect(tab.locator(f"{ROWS} .owner")).to_contain_text("operator")
        expect(tab.get_by_role("button", name="Give back")).to_be_visible()
    other.get_by_role("button", name="Give back").click()
    expect(queue.get_by_role("button", name="Take")).to_be_visible()


def test_eight_tabs_load_and_hear_of_changes(queue: Page, context: BrowserContext, house: House, land: Landing) -> None:
    tabs = [queue]
    for _ in range(7):
        tab = context.new_page()
        tab.goto(house.url)
        tabs.append(tab)
    land(fresh_alert())
    for tab in tabs:
        expect(tab.locator(ROWS)).to_contain_text("95275000017")


def test_keys(queue: Page, land: Landing) -> None:
    land(fresh_alert("first", harm=9.0), fresh_alert("second", harm=5.0))
    expect(queue.locator(ROWS)).to_have_count(2)
    queue.keyboard.press("j")
    queue.keyboard.press("j")
    expect(queue.get_by_role("link", name="second")).to_be_focused()
    queue.keyboard.press("a")
    expect(queue.locator(ROWS).nth(1).locator(".owner")).to_contain_text("operator")
    expect(queue.get_by_role("link", name="second")).to_be_focused()
    queue.keyboard.press("k")
    queue.keyboard.press("Enter")
    expect(queue).to_have_url(re.compile(r"/alerts/[0-9a-f]{16}$"))
    expect(queue.get_by_role("heading", level=1)).to_contain_text("first")
    queue.keyboard.press("q")
    expect(queue).to_have_title("(2) Queue · call watch")
    queue.keyboard.press("/")
    queue.keyboard.type("second")
    queue.keyboard.press("Enter")
    expect(queue.locator(ROWS)).to_have_count(1)
    expect(queue).to_have_url(re.compile(r"q=second"))


def test_keys_can_be_switched_off(queue: Page, land: Landing) -> None:
    land(fresh_alert())
    expect(queue.locator(ROWS)).to_have_count(1)
    queue.keyboard.press("?")
    queue.get_by_label("Single keys act").uncheck()
    queue.keyboard.press("j")
    expect(queue.get_by_role("link", name="95275000017")).not_to_be_focused()
    queue.reload()
    queue.keyboard.press("j")
    expect(queue.get_by_role("link", name="95275000017")).not_to_be_focused()


def test_a_name_is_given_once(queue: Page, land: Landing) -> None:
    queue.keyboard.press("?")
    queue.get_by_label("Your name").fill("Zoë 张")
    queue.get_by_role("button", name="Save").click()
    land(fresh_alert())
    queue.get_by_role("button", name="Take").click()
    expect(queue.locator(f"{ROWS} .owner")).to_contain_text("Zoë 张")


def test_markup_in_a_name_stays_text(queue: Page, land: Landing) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    land(fresh_alert(attack, tenant=attack, number=attack))
    expect(queue.get_by_role("link", name=attack)).to_be_visible()
    queue.get_by_role("link", name=attack).click()
    expect(queue.get_by_role("heading", level=1)).to_contain_text(attack)
    assert queue.locator("img").count() == 0
    assert queue.title() != "owned"


# The badge ---------------------------------------------------------------------------------------------------------


def test_live_then_quiet(queue: Page, land: Landing) -> None:
    badge = queue.locator("#badge")
    expect(badge).to_contain_text(re.compile(r"newest call \d+ s ago"))
    expect(badge.locator("b")).to_have_text("live")
    land(fresh_status(age_s=600))
    land(fresh_status(age_s=600))
    expect(badge.locator("b")).to_have_text("quiet")
    expect(badge).to_contain_text("but the detector is alive")


def test_a_detector_that_falls_silent_is_dead_without_any_event(queue: Page, land: Landing) -> None:
    land(fresh_status(wall_ms=fresh_status().wall_ms - 28_000, instance="noc-2"))
    badge = queue.locator("#badge")
    expect(badge.locator("b")).to_have_text("dead")
    expect(badge).to_contain_text("noc-2: no sign of life from the detector since")
    expect(queue.get_by_text("Nothing is being watched")).to_be_visible()
    expect(queue.get_by_text("Nothing to act on")).to_be_hidden()


def test_lag_and_replay_are_said(queue: Page, land: Landing) -> None:
    badge = queue.locator("#badge")
    land(fresh_status(lag=12_000))
    expect(badge).to_contain_text("12,000 records wait")
    land(fresh_status(age_s=99_999, speed=60.0))
    expect(badge).to_contain_text("history at 60 times its speed")
    land(fresh_status(age_s=99_999, speed=60.0, phase="finished"))
    expect(badge.locator("b")).to_have_text("finished")


def test_a_server_that_is_gone_is_said(page: Page, house: House, land: Landing) -> None:
    land(fresh_status())
    page.clock.install()
    page.goto(house.url)
    expect(page.locator("#badge b")).to_have_text("live")
    expect(page.locator("#unreachable")).to_be_hidden()
    house.server.stop()
    page.clock.fast_forward(20_000)
    expect(page.locator("#unreachable")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_show(page: Page, house: House, land: Landing, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    land(fresh_status(), fresh_alert())
    page.goto(house.url)
    expect(page.locator(ROWS)).to_have_count(1)
    body = page.locator("body")
    paper, ink = (body.evaluate(f"(e) => getComputedStyle(e).{name}") for name in ("backgroundColor", "color"))
    channels = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (channels[0] > channels[1]) == (scheme == "light")
