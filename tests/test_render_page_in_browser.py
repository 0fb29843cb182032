"""The page in a real browser: headless Chromium, driven through selenium."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

import fake_cli
from handshake_inspect.render import Style
from handshake_inspect.render.page import write
from handshake_inspect.render.selection import Selection
from reports import FakeReport, capture, connection, endpoint, finding, mixed, refused

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
BYTES_MOST, SECONDS_MOST = 15_000_000, 2.0
CONTRAST_LEAST = 4.5
"""WCAG 2.1, level AA, for text."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module", autouse=True)
def findings_are_ours():
    with pytest.MonkeyPatch.context() as patch:
        name = "handshake_inspect.verdict.findings"
        patch.setitem(sys.modules, name, fake_cli.modules()[name])
        yield


@pytest.fixture
def show(browser, tmp_path):
    """Write a page on a report and open it: in light or dark, at a width."""

    def show(report=None, *, dark=False, width=1280, place=""):
        path: Path = tmp_path / "report.html"
        out = io.StringIO()
        write(Selection(report or mixed()), out, Style(utc=True))
        path.write_text(out.getvalue(), encoding="utf-8")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(path.as_uri() + place)
        return path

    return show


def ids(browser):
    return [int(row.get_attribute("data-id")) for row in browser.find_elements(By.CSS_SELECTOR, "#rows tr")]


def title(browser, name):
    (found,) = [b for b in browser.find_elements(By.CSS_SELECTOR, "#titles button") if b.text == name]
    return found


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def count(browser):
    return browser.find_element(By.ID, "count").text


def is_open(browser):
    return browser.execute_script("return document.getElementById('one').open")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_loads_without_a_complaint_and_asks_no_network(browser, show, dark):
    show(dark=dark)
    assert ids(browser) == [0, 1, 2, 3]
    assert len(browser.find_elements(By.CSS_SELECTOR, "figure canvas")) == 4
    browser.find_element(By.CSS_SELECTOR, "#rows button").click()
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file://", "data:,"))] == []
    assert len([url for url in asked if url.startswith("file://")]) == 1


def test_the_policy_stops_what_the_page_does_not_hold(browser, show):
    show()
    refused_by = browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
    """)
    assert refused_by == "connect-src"
    browser.execute_script("""
        const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        document.body.append(script);
    """)
    assert browser.execute_script("return window.hacked") is None


def test_it_sorts_by_mouse_and_by_keyboard(browser, show):
    show()
    closing = title(browser, "closing")
    closing.click()
    assert ids(browser) == [0, 3, 1, 2]
    header = closing.find_element(By.XPATH, "..")
    assert header.get_attribute("aria-sort") == "ascending"
    closing.send_keys(Keys.ENTER)
    assert header.get_attribute("aria-sort") == "descending"
    assert ids(browser) == [1, 2, 3, 0]
    title(browser, "handshake").send_keys(Keys.SPACE)
    assert ids(browser) == [0, 3, 1, 2]
    title(browser, "handshake").click()
    assert ids(browser) == [0, 3, 1, 2], "what is not known stays last"
    sorts = browser.execute_script("return [...document.querySelectorAll('#titles th')].map(t => t.ariaSort)")
    assert sorts.count("descending") == 1
    assert sorts.count("none") == len(sorts) - 1


def test_it_filters_by_words_and_by_choices(browser, show):
    show()
    search = browser.find_element(By.NAME, "text")
    search.send_keys("10.0.0.1:4000 HALF")
    wait_for(lambda: count(browser) == "2 of 4 connections")
    assert ids(browser) == [2, 3]
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    wait_for(lambda: count(browser) == "4 connections")
    browser.find_element(By.CSS_SELECTOR, "select[name=finding] option[value=refused]").click()
    wait_for(lambda: ids(browser) == [1, 3])
    browser.find_element(By.CSS_SELECTOR, "select[name=opening] option[value=refused]").click()
    wait_for(lambda: ids(browser) == [1])
    search.send_keys("no such thing")
    wait_for(lambda: count(browser) == "0 of 4 connections")


def test_a_finding_leads_to_its_connections_and_to_a_ladder(browser, show):
    show()
    browser.find_element(By.LINK_TEXT, "half-closed").click()
    wait_for(lambda: ids(browser) == [3])
    browser.find_element(By.LINK_TEXT, "#3 frame 25").click()
    wait_for(lambda: is_open(browser))
    assert browser.find_element(By.ID, "one-title").text == "#3 10.0.0.1:40003 \u2192 10.0.0.2:80"


def test_a_ladder_opens_by_mouse_with_states_and_arithmetic(browser, show):
    show()
    browser.find_element(By.CSS_SELECTOR, "#rows tr[data-id='0'] td:nth-child(3)").click()
    wait_for(lambda: is_open(browser))
    texts = [text.text for text in browser.find_elements(By.CSS_SELECTOR, ".ladder text")]
    assert "SYN_SENT" in texts
    assert "\u2713 ACK 1001 = client's SYN 1000 + 1" in texts
    assert "confirmed by frame 3" in texts
    assert len(browser.find_elements(By.CSS_SELECTOR, ".ladder .arrow")) == 7
    assert browser.find_element(By.CSS_SELECTOR, ".ladder").get_attribute("role") == "img"
    assert len(browser.find_elements(By.CSS_SELECTOR, ".steps tbody tr")) == 11
    browser.find_element(By.ID, "newer").click()
    wait_for(lambda: browser.find_element(By.ID, "one-title").text.startswith("#1 "))
    browser.find_element(By.ID, "close").click()
    wait_for(lambda: not is_open(browser))


def test_a_wrong_acknowledgment_is_marked(browser, show):
    show(place="#connection-2")
    wait_for(lambda: is_open(browser))
    wrong = [text.text for text in browser.find_elements(By.CSS_SELECTOR, ".ladder .wrong")]
    assert wrong == ["\u2717 ACK 5003, expected 5001 =", "server's SYN 5000 + 1"]


def test_a_ladder_opens_and_closes_by_keyboard_and_gives_the_focus_back(browser, show):
    show()
    button = browser.find_element(By.CSS_SELECTOR, "#rows tr[data-id='1'] button")
    assert button.get_attribute("aria-label") == "Show connection 1"
    button.send_keys(Keys.ENTER)
    wait_for(lambda: is_open(browser))
    inside = "return document.getElementById('one').contains(document.activeElement)"
    wait_for(lambda: browser.execute_script(inside))
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_for(lambda: not is_open(browser))
    # The browser moves the focus and the address after the dialog has closed, not with it.
    wait_for(lambda: browser.switch_to.active_element == button)
    wait_for(lambda: browser.execute_script("return location.hash") == "")


def test_the_focus_follows_to_the_connection_that_was_shown_last(browser, show):
    show()
    browser.find_element(By.CSS_SELECTOR, "#rows tr[data-id='1'] button").send_keys(Keys.ENTER)
    wait_for(lambda: is_open(browser))
    browser.find_element(By.ID, "newer").send_keys(Keys.ENTER)
    wait_for(lambda: browser.find_element(By.ID, "one-title").text.startswith("#2 "))
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_for(lambda: not is_open(browser))
    wait_for(lambda: browser.switch_to.active_element.get_attribute("aria-label") == "Show connection 2")


def test_everything_that_can_be_used_can_be_reached_with_tab(browser, show):
    show()
    reached = set()
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    for _ in range(80):
        active = browser.switch_to.active_element
        if active == body:
            break
        outline = browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active)
        assert outline != "none", active.get_attribute("outerHTML")
        reached.add(active.id)
        active.send_keys(Keys.TAB)
    usable = browser.find_elements(By.CSS_SELECTOR, "main button:enabled, main input, main select, main a, summary")
    assert [element.text for element in usable if element.is_displayed() and element.id not in reached] == []


def test_captured_text_stays_text(browser, show):
    evil = connection(
        0, client=endpoint(HOSTILE, 1), server=endpoint("10.0.0.2", 80, names=(HOSTILE,)),
        findings=(finding("refused", 1, text=HOSTILE),),
    )  # fmt: skip
    show(
        FakeReport([evil, refused(1)], [capture(f"{HOSTILE}\u202e.pcap", link_types=(HOSTILE,))]), place="#connection-0"
    )
    wait_for(lambda: is_open(browser))
    assert browser.execute_script("return window.hacked") is None
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert HOSTILE in browser.find_element(By.ID, "one-title").text
    assert HOSTILE in browser.find_element(By.CSS_SELECTOR, ".one-findings").text
    assert f"{HOSTILE}\\u202e.pcap" in browser.find_element(By.CSS_SELECTOR, ".capture").get_attribute("textContent")
    assert browser.get_log("browser") == []


CONTRASTS = """
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = (element) => {
        for (; element; element = element.parentElement) {
            const colour = parts(getComputedStyle(element).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.disabled) continue;
        const style = getComputedStyle(element);
        const ink = element.closest("svg") ? style.fill : style.color;
        const [a, b] = [light(parts(ink)), light(behind(element))].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
    }
    return found;
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("place", ["", "#connection-2"], ids=["page", "ladder"])
def test_every_text_has_contrast(browser, show, dark, place):
    show(dark=dark, place=place)
    found = browser.execute_script(CONTRASTS)
    assert len(found) > 50
    assert [(round(ratio, 2), text) for ratio, text in found if ratio < CONTRAST_LEAST] == []


def test_dark_is_dark_and_follows_the_system(browser, show):
    show()
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(paper)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert browser.execute_script(paper) != light
    wait_for(lambda: len(browser.find_elements(By.CSS_SELECTOR, "figure canvas")) == 4)


def test_a_chart_says_in_words_and_numbers_what_it_draws(browser, show):
    show()
    plot = browser.find_element(By.CSS_SELECTOR, ".plot")
    assert plot.get_attribute("role") == "img"
    assert plot.get_attribute("aria-label") == ("Openings and closings. 2 opened, 2 did not open, 1 closed by FIN.")
    browser.find_element(By.CSS_SELECTOR, "figure summary").click()
    wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "figure details table"))
    head = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "figure:first-child details th")]
    assert head == ["seconds", "opened", "did not open", "closed by FIN"]


@pytest.mark.parametrize("width", [320, 420, 800])
def test_a_narrow_window_scrolls_in_one_direction_only(browser, show, width):
    show(width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.find_element(By.CSS_SELECTOR, "#rows button").click()
    wait_for(lambda: is_open(browser))
    assert browser.execute_script("return document.getElementById('one').getBoundingClientRect().right") <= width


def many(number):
    texts = [finding("fin-retransmitted", id, text=f"the client sent its FIN {id} times") for id in range(number)]
    return FakeReport([connection(id, findings=(texts[id],)) for id in range(number)])


def test_ten_thousand_connections_stay_usable(browser, show):
    # A warm start, so that the browser's own first page is not counted.
    show()
    path = show(many(12_000))
    timing = browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < timing < SECONDS_MOST * 1000 * float(os.environ.get("HANDSHAKE_INSPECT_PATIENCE", "1"))
    assert path.stat().st_size < BYTES_MOST
    assert count(browser) == "10,000 connections"
    assert browser.find_element(By.ID, "page").text == "page 1 of 200"
    started = time.monotonic()
    title(browser, "client").click()
    browser.find_element(By.ID, "after").click()
    assert browser.find_element(By.ID, "page").text == "page 2 of 200"
    browser.find_element(By.NAME, "text").send_keys("#9999")
    wait_for(lambda: re.match("[0-9]+ of 10,000", count(browser)) is not None)
    assert time.monotonic() - started < 5


def test_a_step_without_a_frame_stands_in_the_order_of_its_end(browser, show):
    show(place="#connection-0")
    wait_for(lambda: is_open(browser))
    states = browser.execute_script("""
        const found = document.querySelectorAll(".ladder text:not(.dim)[text-anchor=start]");
        return [...found].map((text) => text.textContent);
    """)
    assert states == ["LISTEN", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]


def test_the_picture_in_the_readme_is_there(browser, show, request, cli, tmp_path):
    picture = Path(__file__).resolve().parent.parent / "docs" / "page.png"
    if request.config.getoption("golden"):
        show()
        cli("html", "sample_pcaps/normal_close_by_client/capture.pcap", "--utc", "-o", tmp_path / "page.html")
        browser.get((tmp_path / "page.html").as_uri() + "#connection-0")
        wait_for(lambda: is_open(browser))
        browser.save_screenshot(str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
