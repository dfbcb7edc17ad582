"""The built site in a real browser, without a network: `make test-site`.

Not part of `make test`: it needs build/site, playwright and a Chromium or Chrome.
"""

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tools import alttext, course
from tools.lab import OTHER
from tools.site import OUT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FILES = (path.relative_to(OUT).as_posix() for path in OUT.glob("??/**/*.html"))
PAGES = sorted(file for file in FILES if "/_static/" not in file)
CHAPTERS = [page for page in PAGES if "/notebooks/" in page]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PHRASES = {  # all of them stand in the text
    "zh": [
        *("线性回归", "小批量随机梯度下降", "交叉熵", "平移不变性", "梯度消失"),
        *("混淆矩阵", "学习率", "广播机制", "权重衰退", "最大池化"),
    ],
    "en": [
        *("linear regression", "cross-entropy", "translation invariance", "vanishing gradients"),
        *("confusion matrix", "learning rate", "broadcasting", "weight decay", "max pooling"),
        "perceptron",
    ],
}
UNKNOWN = {"zh": "量子纠缠态", "en": "xylophone"}  # none of them does
RAW = re.compile(r"\\[a-zA-Z]{2,}|\$[^$\n]*\$|\\[(\[]|\*\*|\]\(|:::")  # TeX, Markdown: not rendered
ENGLISH = re.compile(r"(?!\.?[a-z]+$|Binder$|Colab$|Ctrl)[ -~]*[A-Za-z]{2}[ -~]*")  # of a label
BROKEN = "[data-mjx-error], [data-mml-node=merror], [data-mml-node=mtext][fill=red]"  # formulas

VISIBLE = """() => { const page = document.querySelector("article").cloneNode(true);
  page.querySelectorAll("pre, code, .sig, mjx-container, script").forEach(e => e.remove());
  return page.textContent }"""
LABELS = """() => { const all = query => [...document.querySelectorAll(query)];
  return ["title", "aria-label", "placeholder", "alt"].flatMap(name => all(`[${name}]`)
      .filter(e => !e.closest("article, a.language")).map(e => e.getAttribute(name)))
    .concat(all("button, .dropdown-item").map(e => e.textContent.trim())) }"""
LEGIBLE = """async () => { const bad = [];
  for (const img of document.querySelectorAll("article img")) {
    img.loading = "eager"; await img.decode();
    const canvas = document.createElement("canvas"), card = getComputedStyle(img).backgroundColor;
    canvas.width = canvas.height = 64;
    const draw = canvas.getContext("2d");
    draw.fillStyle = card; draw.fillRect(0, 0, 64, 64); draw.drawImage(img, 0, 0, 64, 64);
    const data = draw.getImageData(0, 0, 64, 64).data, light = [];
    for (let i = 0; i < data.length; i += 4)
      light.push(0.3 * data[i] + 0.6 * data[i + 1] + 0.1 * data[i + 2]);
    const onLight = card === "rgb(255, 255, 255)" && getComputedStyle(img).filter === "none";
    if (!onLight || Math.max(...light) - Math.min(...light) < 60) bad.push(img.src + " " + card) }
  return bad }"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built site on this machine."""
    if not PAGES:
        pytest.fail("There is no build/site yet: make site")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=OUT)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not (found := next(filter(None, map(shutil.which, BROWSERS)), None)):
        pytest.skip("neither Chromium nor Chrome is installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def window(browser, site):
    """A browser window that reaches this machine alone; it keeps what it has loaded."""
    with browser.new_context(viewport=DESKTOP) as context:
        context.set_default_timeout(180_000)
        context.route(lambda url: not url.startswith(site), lambda route: route.abort())
        yield context


@pytest.fixture
def tab(window, site):
    """A tab in which nothing may go wrong: no error, no request to another host."""
    tab, wrong = window.new_page(), []
    tab.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((site, "data:")) else 0)
    tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else 0)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    yield tab
    tab.close()
    assert not wrong


def read(tab, url: str) -> None:
    """Open a page and wait until its formulas are set."""
    tab.goto(url)
    tab.evaluate("() => window.MathJax?.startup?.promise")


def described(name: str, language: str) -> set[str]:
    """The alt texts of all figures that a chapter's notebook holds."""
    cells = course.read(course.NOTEBOOKS / f"{name}.ipynb").cells
    return {alttext.alt(cell, language) for cell in cells if alttext.pictures(cell)}


# ---- each page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_complete(tab, site, page):
    """Formulas, figures with alt texts, the language, the switch, and room on a phone."""
    read(tab, site + page)
    language, other = page[:2], OTHER[page[:2]]
    assert tab.get_attribute("html", "lang").startswith(language)
    switch = tab.get_attribute("a.language", "href")
    assert urljoin(site + page, switch) == f"{site}{other}{page[2:]}"
    if tab.query_selector("article"):
        assert not RAW.findall(tab.evaluate(VISIBLE))
    assert not tab.query_selector_all(BROKEN)
    alts = tab.eval_on_selector_all("article img", "found => found.map(img => img.alt)")
    assert not [alt for alt in alts if not alt or re.search(r"\.(png|svg)$", alt)]
    if page in CHAPTERS:
        assert set(alts) >= described(Path(page).stem, language)
    if language == "zh":
        assert not [label for label in tab.evaluate(LABELS) if ENGLISH.fullmatch(label)]
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert not tab.evaluate(LEGIBLE)
    tab.set_viewport_size(PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


# ---- what a reader does ------------------------------------------------------------------------


@pytest.mark.parametrize("language", OTHER)
def test_the_switch_leads_to_the_same_page_and_back(tab, site, language):
    page = "notebooks/05_softmax_regression.html"
    tab.goto(f"{site}{language}/{page}")
    for expected in (OTHER[language], language):
        tab.click("a.language")
        tab.wait_for_url(f"{site}{expected}/{page}")
        assert tab.get_attribute("html", "lang").startswith(expected)


@pytest.mark.parametrize(
    ("language", "phrase"), [(language, p) for language in PHRASES for p in PHRASES[language]]
)
def test_search_finds_a_phrase_that_stands_in_the_text(tab, site, language, phrase):
    texts = {page: words(OUT / page) for page in CHAPTERS if page.startswith(language)}
    holding = {page for page, text in texts.items() if phrase in text}
    assert holding
    tab.goto(f"{site}{language}/search.html?q={phrase}")
    tab.wait_for_function(
        "() => /\\d|一/.test(document.querySelector('.search-summary')?.textContent)"
    )
    links = tab.eval_on_selector_all("ul.search li > a", "all => all.map(a => a.href)")
    assert holding <= {link.removeprefix(site).partition("#")[0] for link in links}
    tab.wait_for_selector("ul.search p.context")
    assert not RAW.findall(" ".join(tab.locator("ul.search p.context").all_text_contents()))


@pytest.mark.parametrize("language", OTHER)
def test_a_search_by_keyboard_for_what_is_nowhere_finds_nothing(tab, site, language):
    tab.goto(f"{site}{language}/index.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type(UNKNOWN[language])
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=*")
    tab.wait_for_selector(".search-summary")
    tab.wait_for_function("Search.title.textContent !== Documentation.gettext('Searching')")
    assert not tab.query_selector_all("ul.search li")


@pytest.mark.parametrize("language", OTHER)
def test_the_theme_is_switched_and_remembered(tab, site, language):
    tab.goto(f"{site}{language}/index.html")
    for mode in ("light", "auto", "dark"):
        tab.click("button.theme-switch-button:visible")
        tab.click(f".theme-switch-container button[data-mode={mode}]:visible")
        assert tab.get_attribute("html", "data-mode") == mode
    tab.reload()
    assert tab.get_attribute("html", "data-theme") == "dark"


@pytest.mark.parametrize("language", OTHER)
def test_the_keyboard_reaches_the_text_and_the_focus_is_seen(tab, site, language):
    tab.goto(f"{site}{language}/notebooks/01_data_ops.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.hash") == "#main-content"
    tab.keyboard.press("Enter")
    reached = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        focus, *style = tab.evaluate("""() => { const focus = document.activeElement;
          const {outlineStyle, boxShadow} = getComputedStyle(focus);
          return [focus.className || focus.tagName, outlineStyle, boxShadow] }""")
        reached.append(focus)
        assert style != ["none", "none"], focus
    assert {"language", "SUMMARY"} <= set(reached) and any("copybtn" in name for name in reached)


@pytest.mark.parametrize("language", OTHER)
def test_a_chapter_offers_its_notebook_and_places_to_run_it(tab, site, language):
    name = "notebooks/05_softmax_regression"
    tab.goto(f"{site}{language}/{name}.html")
    links = set(tab.eval_on_selector_all("a[href]", "all => all.map(a => a.href)"))
    for place in ("colab.research.google.com", "mybinder.org"):
        assert any(place in link and f"{name}.ipynb" in link for link in links)
    download = next(
        link for link in links if link.endswith(f"{name}.ipynb") and link.startswith(site)
    )
    assert tab.request.get(download).json()["nbformat"] == 4
    assert tab.query_selector("a.right-next")


@pytest.mark.parametrize("language", OTHER)
def test_a_button_copies_the_code_and_outputs_have_none(tab, window, site, language):
    window.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    tab.goto(f"{site}{language}/notebooks/01_data_ops.html")
    cell = tab.locator("div.cell_input").first
    cell.locator("button.copybtn").click(force=True)
    tab.wait_for_selector("button.copybtn.success")
    copied = tab.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()
    assert not tab.query_selector(".cell_output button.copybtn")


def test_the_entrance_leads_to_the_readers_language(browser, site):
    for locale, language in (("zh-CN", "zh"), ("en-GB", "en"), ("fr", "en")):
        with browser.new_context(locale=locale) as context:
            tab = context.new_page()
            tab.goto(site)
            tab.wait_for_url(f"{site}{language}/index.html")


# ---- links -------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """The links, anchors and words of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.anchors, self.words, self.open = [], {""}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        self.links += [found[key] for key in ("href", "src") if found.get(key)]
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        self.open = [tag] if tag in ("script", "style", "article") else self.open

    def handle_endtag(self, tag: str) -> None:
        self.open = [] if tag in self.open else self.open

    def handle_data(self, data: str) -> None:
        if self.open == ["article"]:
            self.words.append(data)


@functools.cache
def words(path: Path) -> str:
    """The text of a page's article."""
    return " ".join("".join(Reader(path).words).split())


def test_every_internal_link_leads_somewhere():
    readers, broken = {page: Reader(OUT / page) for page in ["index.html", *PAGES]}, []
    for page, reader in readers.items():
        for link in reader.links:
            target = urlsplit(urljoin(f"http://here/{page}", link))
            path = unquote(target.path).lstrip("/")
            if target.netloc != "here":
                continue
            anchors = readers[path].anchors if path in readers else {unquote(target.fragment)}
            if not (OUT / path).exists() or unquote(target.fragment) not in anchors:
                broken.append(f"{page}: {link}")
    assert readers["index.html"].links and not broken
