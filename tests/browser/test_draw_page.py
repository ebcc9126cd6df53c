"""The page for drawing in a browser, from a file, as a visitor uses it."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from benchmarks.ocr import synthetic_pages
from tests.helpers.drawing import draw_strokes

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PERCENT = re.compile(r"(\d+\.\d+)\s%")

# Strokes in shares of the paper.
DIGITS = {
    "0": [[(0.5, 0.2), (0.4, 0.35), (0.4, 0.65), (0.5, 0.8), (0.6, 0.65), (0.6, 0.35), (0.5, 0.2)]],
    "1": [[(0.51, 0.2), (0.49, 0.8)]],
    "2": [[(0.41, 0.32), (0.5, 0.2), (0.6, 0.32), (0.4, 0.8), (0.62, 0.8)]],
    "4": [[(0.46, 0.2), (0.38, 0.55), (0.6, 0.55)], [(0.55, 0.35), (0.53, 0.82)]],
    "7": [[(0.38, 0.22), (0.6, 0.22), (0.48, 0.82)]],
}


def moved(strokes, by):
    return [[(across + by, down) for across, down in stroke] for stroke in strokes]


@pytest.fixture(scope="session")
def started():
    pytest.importorskip("playwright", reason="Playwright is not installed: pip group browser")
    from playwright.sync_api import Error

    from tools.docs import make_draw_page_image

    running = make_draw_page_image.launch_browser()
    try:
        browser = running.__enter__()
    except Error:
        if make_draw_page_image.find_browser():
            raise
        pytest.skip("neither Chromium nor Chrome is installed")
    yield browser
    running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    import draw

    path = tmp_path_factory.mktemp("page") / "draw.html"
    draw.build(path)
    return path.as_uri()


@pytest.fixture
def open_page(started, address):
    """Open the page in a window of its own; whatever it asks for or complains of is an error."""
    contexts, heard = [], []

    def open_page(**options):
        context = started.new_context(**{"viewport": WIDE, "color_scheme": "light"} | options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(
            "window.times = []; new PerformanceObserver(list => window.times.push("
            "...list.getEntries().map(({name, duration}) => ({name, duration}))))"
            ".observe({type: 'measure'})"
        )
        page.on("request", lambda request: heard.append(f"request: {request.url}"))
        page.on("console", lambda message: heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.goto(address)
        assert heard.pop(0) == f"request: {address}"
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def hand():
    from tools.docs import make_draw_page_image

    return make_draw_page_image.draw_strokes


def said(page):
    """The digits that the page says it reads."""
    return page.locator("#said").evaluate("one => one.firstChild.textContent").replace(" ", "")


def status(page):
    return page.get_by_role("status").inner_text().replace("\xa0", " ")


def shown(page):
    """The ten probabilities, in per cent."""
    rows = page.get_by_role("list", name="Probability of each digit").get_by_role("listitem").all()
    found = [PERCENT.search(row.inner_text()) for row in rows]
    return [float(one.group(1)) if one else None for one in found]


def until(page, expression):
    """Wait until something holds; Playwright's own way needs what the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(expression)


def times(page, name):
    return [one["duration"] for one in page.evaluate("window.times") if one["name"] == name]


def test_there_is_an_answer_at_once(page):
    assert said(page) == "3"
    assert page.get_by_text("An example. Draw, and it makes way.").is_visible()
    assert page.get_by_role("button", name="Undo").is_disabled()


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_that_is_drawn_is_read(page, hand, digit):
    hand(page, *DIGITS[digit])
    assert said(page) == digit
    probabilities = shown(page)
    assert int(np.argmax(probabilities)) == int(digit)
    assert sum(probabilities) == pytest.approx(100, abs=0.5)
    assert re.fullmatch(rf"I read an? {digit}, \d+\.\d+ %", status(page))
    assert page.get_by_text("An example.").is_hidden()


def test_it_reads_along_while_the_pen_is_down(page):
    paper = page.locator("#paper").bounding_box()
    places = [
        (paper["x"] + x * paper["width"], paper["y"] + y * paper["height"])
        for x, y in DIGITS["7"][0]
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    page.wait_for_timeout(50)
    assert said(page) == "7"
    assert status(page) == ""  # not said aloud before the stroke has ended
    page.mouse.up()
    assert status(page).startswith("I read a 7")
    assert page.get_by_role("button", name="Undo").is_enabled()


@pytest.mark.parametrize("kind", ["finger", "pen"])
def test_fingers_and_pens_draw_too(open_page, kind):
    page = open_page(viewport=PHONE, has_touch=True, device_scale_factor=3)
    paper = page.locator("#paper").bounding_box()
    session = page.context.new_cdp_session(page)
    (x, y), *rest = [
        (paper["x"] + x * paper["width"], paper["y"] + y * paper["height"])
        for x, y in np.linspace((0.51, 0.2), (0.49, 0.8), 12)
    ]

    def touch(what, *points):
        session.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": list(points)})

    def pen(what, x, y):
        how = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"}
        session.send("Input.dispatchMouseEvent", {"type": what, "x": x, "y": y, **how})

    if kind == "finger":
        touch("touchStart", {"x": x, "y": y})
        for x, y in rest:
            touch("touchMove", {"x": x, "y": y})
        touch("touchEnd")
    else:
        pen("mousePressed", x, y)
        for x, y in rest:
            pen("mouseMoved", x, y)
        pen("mouseReleased", x, y)
    page.wait_for_timeout(100)
    assert said(page) == "1"
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("getComputedStyle(paper).touchAction") == "none"  # it does not scroll
    # The strokes are drawn in the screen's own pixels.
    assert page.evaluate("paper.width") == pytest.approx(3 * paper["width"], abs=3)


def test_a_keyboard_is_enough(page):
    page.keyboard.press("Tab")  # the link
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "paper"
    for key, count in (("ArrowLeft", 5), (" ", 1), ("ArrowRight", 10), ("End", 0)):
        for _ in range(count):
            page.keyboard.press(key)
    assert status(page) == "The pen is down."
    for _ in range(4):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    assert said(page) == "7"
    assert status(page).startswith("I read a 7, ")
    page.keyboard.press("Backspace")
    assert said(page) == "–"
    assert status(page) == "The paper is blank."
    # Moved without being down, the pen leaves nothing; moved with Shift, it goes further.
    page.keyboard.press("Shift+ArrowUp")
    assert said(page) == "–"
    page.keyboard.press(" ")
    for _ in range(7):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Escape")
    assert said(page) == "1"
    page.keyboard.press("Delete")
    assert said(page) == "–"
    # On to all the rest.
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached == ["undo", "pen", "file", "SUMMARY", "BODY"]


def test_a_stroke_that_focus_leaves_is_kept(page):
    page.locator("#paper").focus()
    page.keyboard.press(" ")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert said(page) == "1"
    page.get_by_role("button", name="Undo").click()
    assert said(page) == "–"


def test_undo_and_clear(page, hand):
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    hand(page, *DIGITS["4"])
    undo.click()
    assert said(page) != "4"
    hand(page, DIGITS["4"][1])
    assert said(page) == "4"
    clear.click()
    assert said(page) == "–"
    assert shown(page) == [None] * 10
    assert clear.is_disabled()
    undo.click()
    assert said(page) == "4"
    undo.click()
    undo.click()
    assert said(page) == "–"
    assert undo.is_disabled()


def test_the_example_can_be_cleared(page):
    page.get_by_role("button", name="Clear").click()
    assert said(page) == "–"


def test_the_pen_can_be_wider(page, hand):
    def covered():
        seen = Image.open(io.BytesIO(page.locator("#paper").screenshot())).convert("L")
        return np.count_nonzero(np.asarray(seen) < 80)

    slider = page.get_by_role("slider", name="Width of the pen")
    widths = []
    for width in ("10", "40"):
        slider.fill(width)
        hand(page, *DIGITS["1"])
        widths.append(covered())
        assert said(page) == "1"
        page.get_by_role("button", name="Undo").click()
    assert 3 < widths[1] / widths[0] < 5


def test_digits_side_by_side_are_read_one_by_one(page, hand):
    group = page.get_by_role("group", name="Digits that were read")
    hand(page, *DIGITS["4"])
    for digit, by in (("7", -0.3), ("2", 0.3)):
        hand(page, *moved(DIGITS[digit], by))
        assert group.get_by_role("button", pressed=True).inner_text() == digit  # just drawn
    assert said(page) == "742"
    assert status(page) == "I read 3 digits: 7 4 2"
    glyph = page.locator("#glyph").evaluate("one => one.toDataURL()")
    for name in ("7", "4", "2"):
        button = group.get_by_role("button", name=re.compile(rf"^{name}, \d+\.\d+\s%$"))
        button.click()
        assert group.get_by_role("button", pressed=True).inner_text() == name
        assert int(np.argmax(shown(page))) == int(name)
    assert page.locator("#glyph").evaluate("one => one.toDataURL()") == glyph
    page.get_by_role("button", name="Undo").click()
    assert said(page) == "74"


def as_file(grey, kind="PNG", name="digits.png"):
    content = io.BytesIO()
    Image.fromarray(np.uint8(np.round(255 * grey))).save(content, kind)
    return {"name": name, "mimeType": f"image/{kind.lower()}", "buffer": content.getvalue()}


def upright(*signs):
    lines = [
        [(200 * (x + 0.5 * place), 200 * y) for x, y in line]
        for place, sign in enumerate(signs)
        for line in moved(DIGITS[sign], -0.2)
    ]
    return draw_strokes((200, 100 * len(signs) + 20), *lines, width=16)


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        (lambda ink: 1 - ink, "PNG"),
        (lambda ink: 0.1 + 0.8 * ink, "JPEG"),
        (lambda ink: (1 - 0.5 * ink) * np.linspace(1, 0.5, ink.shape[1]), "WEBP"),
    ],
)
def test_a_picture_is_read(page, look, kind):
    page.get_by_label("Open a picture").set_input_files(as_file(look(upright("7", "4", "2")), kind))
    until(page, "digits.children.length === 3")
    assert said(page) == "742"


def test_what_is_transparent_in_a_picture_is_white(page):
    ink = upright("4")
    pixels = np.zeros((*ink.shape, 4), np.uint8)
    pixels[..., 3] = 255 * ink
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    picture = {"name": "4.png", "mimeType": "image/png", "buffer": content.getvalue()}
    page.get_by_label("Open a picture").set_input_files(picture)
    until(page, "said.firstChild.textContent === '4'")


def test_a_page_of_many_digits_is_read_by_lines(page, legible_digits, hand):
    drawn = synthetic_pages.draw_page(
        *legible_digits, np.random.default_rng(1), synthetic_pages.PAGE_STYLES["clean"]
    )
    page.get_by_label("Open a picture").set_input_files(as_file(drawn.picture / 255))
    until(page, "digits.children.length > 3")
    expected = drawn.text.replace("\n", "")
    found = said(page).replace("\n", "")
    assert synthetic_pages.edit_distance(found, expected) <= 0.03 * len(expected)
    page.get_by_role("button", name="Undo").click()
    assert said(page) == "–"


def test_one_can_draw_on_a_picture(page, hand):
    page.get_by_label("Open a picture").set_input_files(as_file(1 - np.pad(upright("7"), 40)))
    until(page, "said.firstChild.textContent === '7'")
    hand(page, *moved(DIGITS["1"], 0.4))
    assert said(page) == "71"
    page.get_by_role("button", name="Undo").click()
    assert said(page) == "7"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_may_be_dropped_or_pasted(page, kind):
    content = list(as_file(1 - upright("4"))["buffer"])
    page.evaluate(
        """([kind, content]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(content)], "4.png", {type: "image/png"}));
            const how = {bubbles: true, cancelable: true};
            paper.dispatchEvent(kind === "drop"
                ? new DragEvent("drop", {...how, dataTransfer: carried})
                : new ClipboardEvent("paste", {...how, clipboardData: carried}));
        }""",
        [kind, content],
    )
    until(page, "said.firstChild.textContent === '4'")


def test_what_is_no_picture_is_refused_plainly(page, hand):
    file = page.get_by_label("Open a picture")
    file.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    alert = page.get_by_role("alert")
    until(page, "problem.textContent")
    assert alert.inner_text() == "This file is not a picture that the browser can open."
    file.set_input_files(as_file(np.full((40, 60), 0.9)))
    until(page, "problem.textContent.startsWith('No')")
    assert alert.inner_text() == "No digits were found in this picture."
    hand(page, *DIGITS["1"])
    assert alert.inner_text() == ""


def test_the_page_cannot_fetch_anything(started, address):
    page = started.new_page()
    page.goto(address)
    blocked = "fetch('data:text/plain,1').then(() => 'fetched', () => 'blocked')"
    assert page.evaluate(blocked) == "blocked"
    page.close()


def test_the_first_answer_is_quick(open_page):
    """The least of several windows, since other programs may run beside."""
    assert min(times(open_page(), "first answer")[0] for _ in range(5)) < 100


def test_a_stroke_is_quick(page, hand):
    for by in (-0.3, 0, 0.3):
        hand(page, *moved(DIGITS["4"], by))
    page.evaluate("window.times = []")
    for _ in range(3):
        hand(page, *DIGITS["4"], steps=20)
        page.get_by_role("button", name="Undo").click()
    found = times(page, "read")
    assert len(found) > 20
    assert np.median(found) < 10


def test_everything_has_a_name(page, hand):
    hand(page, *moved(DIGITS["7"], -0.2), *moved(DIGITS["2"], 0.1))
    for role, name in (
        ("link", "mnistcnn’s docs"),
        ("heading", "Draw a digit"),
        ("application", "Paper to draw on"),
        ("group", "Tools"),
        ("button", "Undo"),
        ("button", "Clear"),
        ("slider", "Width of the pen"),
        ("group", "Digits that were read"),
        ("list", "Probability of each digit"),
        ("img", "The 28 × 28 pixels that the network sees"),
        ("img", re.compile("^32 maps of 26 × 26")),
        ("img", re.compile("^64 maps of 11 × 11")),
        ("region", "Your drawing"),
        ("region", "The answer"),
        ("region", "What it sees"),
        ("region", "First convolution"),
        ("region", "Second convolution"),
    ):
        assert page.get_by_role(role, name=name, exact=True).count() == 1, (role, name)
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "link", "slider", "application", "image", "DisclosureTriangle"}
    unnamed = [
        node
        for node in nodes
        if node.get("role", {}).get("value") in controls and not node.get("name", {}).get("value")
    ]
    assert unnamed == []
    (paper,) = (n for n in nodes if n.get("role", {}).get("value") == "application")
    assert "Arrow keys move the pen" in paper["description"]["value"]


def luminance(colour):
    channels = [int(one) / 255 for one in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_themes(open_page, hand, scheme):
    page = open_page(color_scheme=scheme)
    hand(page, *moved(DIGITS["7"], -0.2), *moved(DIGITS["2"], 0.1))
    back = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert back > 0.8 if scheme == "light" else back < 0.05
    pairs = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, p, a, label, summary, button, li, #said")]
            .filter((one) => one.textContent && !one.disabled)
            .map((one) => {
                let behind = one;
                const clear = "rgba(0, 0, 0, 0)";
                while (getComputedStyle(behind).backgroundColor === clear && behind.parentElement) {
                    behind = behind.parentElement;
                }
                return [one.outerHTML.slice(0, 60), getComputedStyle(one).color,
                    getComputedStyle(behind).backgroundColor];
            })"""
    )
    assert len(pairs) > 25
    for text, colour, behind in pairs:
        dark, light = sorted((luminance(colour), luminance(behind)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shades_grow_evenly_from_paper_to_ink(open_page, scheme):
    """Told by lightness alone, maps need no eye for hues."""
    page = open_page(color_scheme=scheme)
    stops = [
        page.evaluate(
            "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()",
            f"--map-{i}",
        )
        for i in range(3)
    ]
    grey = [luminance(" ".join(str(int(s[k : k + 2], 16)) for k in (1, 3, 5))) for s in stops]
    assert grey == sorted(grey, reverse=scheme == "light")
    assert max(grey) > 5 * min(grey)


def test_a_change_of_theme_is_followed(page):
    glyph = page.locator("#glyph")
    light = glyph.evaluate("one => one.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)
    assert glyph.evaluate("one => one.toDataURL()") != light


def test_bars_stand_still_where_motion_is_unwelcome(open_page):
    page = open_page(reduced_motion="reduce")
    duration = "getComputedStyle(document.querySelector('.bar')).transitionDuration"
    assert page.evaluate(duration) == "0s"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(duration) != "0s"


@pytest.mark.parametrize("width", [320, 390, 700, 900, 1280, 2000])
def test_nothing_is_wider_than_the_window(open_page, hand, width):
    page = open_page(viewport={"width": width, "height": 844})
    page.get_by_text("Keys, pictures, several digits").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    hand(page, *moved(DIGITS["7"], -0.2), *moved(DIGITS["2"], 0.1))
    assert said(page) == "72"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.locator("#paper").bounding_box()
    assert paper["width"] == pytest.approx(1.5 * paper["height"], rel=0.02)
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box["width"] >= 44
        assert box["height"] >= 40


def test_focus_is_seen(page):
    for _ in range(6):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const one = document.activeElement.closest('.file')"
            " ?? document.activeElement; return getComputedStyle(one).outlineWidth; })()"
        )
        assert outline == "3px", page.evaluate("document.activeElement.outerHTML")


def test_it_works_when_it_is_zoomed_and_scrolled(open_page, hand):
    page = open_page(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    page.evaluate("scrollTo(0, 60)")
    hand(page, *DIGITS["7"])
    assert said(page) == "7"
