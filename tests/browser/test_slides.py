"""The slides in a browser: they need no network, and their content fits."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser
CHECKOUT = Path(__file__).parents[2]
TITLE = """\
{}
Image segmentation with Dask
The Image segmentation with Dask developers
Text: CC BY 4.0; code: BSD 3-clause; data: CC0 1.0"""
# Height, width and words of each slide; reveal.js shows one at a time.
MEASURED = """() => {
  const found = [];
  for (let i = 0; i < Reveal.getTotalSlides(); i++) {
    const slide = Reveal.getCurrentSlide();
    const words = slide.innerText.trim().replace(/\\n+/g, "\\n");
    found.push([slide.scrollHeight, slide.scrollWidth, words]);
    Reveal.next();
  }
  return found;
}"""


def test_slides_show_from_a_folder(browser, slides):
    """Opened as files they need no network, begin with their title, and need no scrolling."""
    paths = sorted(CHECKOUT.glob("notebooks/*.ipynb"))
    cells = {path.stem: nbformat.read(path, as_version=4).cells for path in paths}
    titles = {stem: cell[0].source.split("\n")[0][2:] for stem, cell in cells.items()}
    titles["opening"] = "Opening"
    assert sorted(path.name for path in slides.glob("*.slides.html")) == [
        f"{stem}.slides.html" for stem in titles
    ]
    linked = [path.name for path in CHECKOUT.glob("notebooks/pictures/*")]
    assert all((slides / "pictures" / name).is_file() for name in linked)
    page = browser.new_page(viewport={"width": 1120, "height": 720})
    errors = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
    for stem, title in titles.items():
        page.goto((slides / f"{stem}.slides.html").as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        measured = page.evaluate(MEASURED)
        assert len(measured) > 5, stem
        assert measured[0][2] == TITLE.format(title)
        assert all(words or height > 100 for height, _, words in measured), stem
        assert max(width for _, width, _ in measured) <= 1130, stem
        assert max(height for height, *_ in measured) <= 720 + 1, stem
    page.goto((slides / "index.html").as_uri())
    for stem, title in titles.items():
        entry = page.locator("li", has=page.locator(f"a[href='{stem}.slides.html']"))
        assert entry.locator("a").inner_text() == title
        assert int(entry.inner_text().split()[-2]) >= 5, stem  # minutes
    page.close()
    assert errors == []
