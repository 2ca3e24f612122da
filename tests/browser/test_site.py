"""The built site in a browser, with a mouse, a keyboard or a phone."""

import importlib.resources
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

pytestmark = pytest.mark.browser

CHECKOUT = Path(__file__).parents[2]
STEMS = sorted(path.stem for path in CHECKOUT.glob("notebooks/*.ipynb"))
NOTEBOOKS = [f"notebooks/{stem}.html" for stem in STEMS]
WRITTEN = ["index.html", "learn.html", "copy/index.html", "glossary.html"]
WRITTEN += ["status.html", "api/index.html", "api/segkit.frame.html", "search.html", "ticket.html"]
WRITTEN += ["fiji.html", *(f"teach/{path.stem}.html" for path in CHECKOUT.glob("site/teach/*.md"))]
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]  # width, dark
# Code and outputs that are cut off at the right, all folds open.
CLIPPED = """() => {
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  return [...document.querySelectorAll("article pre")]
    .filter((code) => code.scrollWidth > code.clientWidth + 1)
    .map((code) => code.innerText.slice(0, 80));
}"""
# What Tab has to reach: visible elements that a mouse could use.
REACHABLE = """() => {
  const wanted = "a[href], button, input, summary, select, textarea, [tabindex='0']";
  const seen = [...document.querySelectorAll(wanted)].filter((element) =>
    !element.disabled && element.tabIndex >= 0
    && element.checkVisibility({visibilityProperty: true}));
  seen.forEach((element, i) => element.dataset.tried = i);
  return seen.map((element) => element.outerHTML.slice(0, 120));
}"""

# The focused element, and whether a ring shows it: its own, or that of its arrow, card or form.
MARKED = """() => {
  const element = document.activeElement;
  const ringed = (style) => style.outlineStyle != "none" || style.boxShadow != "none";
  const around = [element, ...element.children, element.closest("form") || element];
  return [element.dataset.tried,
          around.some((one) => ringed(getComputedStyle(one)))
          || ringed(getComputedStyle(element, "::after"))];
}"""


class Links(HTMLParser):
    """Collect the links and the anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Add an element's id, and what it links or shows."""
        attrs = dict(attrs)
        self.anchors.add(attrs.get("id"))
        self.targets |= {attrs.get("href"), attrs.get("src")} - {None}


@pytest.fixture(scope="module")
def pages(site):
    """Return all pages of the site: names, and what is in them."""
    found = {
        path.relative_to(site).as_posix(): Links(path.read_text("utf-8"))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }
    assert set(NOTEBOOKS) | set(WRITTEN) <= set(found)
    return found


def test_no_internal_link_is_broken(site, pages):
    """Each link within the site leads to a file that exists, and to an anchor in it."""
    broken = []
    for name, page in pages.items():
        for target in page.targets:
            url, anchor = urldefrag(urljoin(f"http://site/{name}", target))
            if urlsplit(url).netloc != "site" or not url.startswith("http"):
                continue
            path = unquote(urlsplit(url).path).lstrip("/") or "index.html"
            if not (site / path).is_file():
                broken.append(f"{name}: {target}")
            elif anchor and path in pages and unquote(anchor) not in pages[path].anchors:
                broken.append(f"{name}: {target} (no such anchor)")
    assert broken == []


def test_every_page_opens_without_errors(pages, visit):
    """No error on the console, nothing missing, and no request to another host."""
    watched, errors = visit(), {}
    for name in pages:
        page = watched.open(name)
        assert page.locator("main h1 >> visible=true").count(), name
        if watched.errors:
            errors[name] = list(watched.errors)
            watched.errors.clear()
    assert errors == {}


def test_the_copy_button_copies(visit):
    """The clipboard then holds the code of the cell, and nothing else."""
    watched = visit(permissions=["clipboard-read", "clipboard-write"])
    page = watched.open(NOTEBOOKS[1])
    cell = page.locator("div.tag_copy")
    code = cell.locator("div.cell_input pre")
    code.hover()
    cell.locator("div.cell_input button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == code.inner_text().strip()
    assert "imread" in copied
    # outputs are not offered for copying
    assert page.locator("div.cell_output button.copybtn").count() == 0


@pytest.mark.parametrize("name", ["index.html", NOTEBOOKS[1]])
def test_the_keyboard_reaches_everything(visit, name):
    """Tab reaches each link, button and fold that a mouse could use, with a visible focus ring."""
    page = visit().open(name)
    wanted = page.evaluate(REACHABLE)
    assert len(wanted) > 20
    reached, unmarked = set(), []
    for _ in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        number, marked = page.evaluate(MARKED)
        if number is not None:
            reached.add(int(number))
            if not marked:
                unmarked.append(wanted[int(number)])
    assert [wanted[i] for i in range(len(wanted)) if i not in reached] == []
    assert sorted(set(unmarked)) == []


def test_the_keyboard_opens_a_solution(visit):
    """A solution is closed at first; Enter on its line opens it."""
    page = visit().open(NOTEBOOKS[1])
    fold = page.locator("div.tag_solution details").first
    summary = fold.locator("summary")
    assert summary.inner_text().strip() == "Solution 1"
    assert not fold.locator("pre").is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert fold.locator("pre").is_visible()


def axe(page):
    """Return the serious and critical violations that axe-core finds on a page."""
    if not page.evaluate("'axe' in window"):
        folder = importlib.resources.files("axe_playwright_python")
        page.evaluate((folder / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']}: {one['help']} ({one['id']}): {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_nothing_serious(visit, width, dark):
    """axe-core has no serious or critical objection, to contrast or structure, on any page."""
    watched, violations = visit(width=width, dark=dark), {}
    for name in [*WRITTEN, *NOTEBOOKS]:
        page = watched.open(name)
        assert page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
        violations[name] = axe(page)
    assert {name: found for name, found in violations.items() if found} == {}


@pytest.mark.parametrize("width", [1280, 390])
def test_launch_is_one_click_from_the_start(visit, width):
    """The start page's first screen has the button; so have Learn and each notebook's page."""
    watched = visit(width=width)
    for name in ["index.html", "learn.html", *NOTEBOOKS]:
        button = watched.open(name).get_by_role("link", name="Launch on Binder")
        assert urlsplit(button.get_attribute("href")).netloc == "mybinder.org", name
        assert button.bounding_box()["y"] < 900, name


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_their_width(visit, width):
    """Neither a page nor code is wider than its place; screenshots are kept in build/browser."""
    watched, shots = visit(width=width), CHECKOUT / "build" / "browser"
    shots.mkdir(parents=True, exist_ok=True)
    for name in [*WRITTEN, *NOTEBOOKS]:
        page = watched.open(name)
        page.screenshot(path=shots / f"{name.replace('/', '-')[:-5]}-{width}.png")
        assert page.evaluate(CLIPPED) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
