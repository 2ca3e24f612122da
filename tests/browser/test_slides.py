"""The slides in a browser: they need no network, and their content fits."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
CHECKOUT = Path(__file__).parents[2]
# Height and words of each slide; reveal.js shows one at a time.
MEASURED = """() => {
  const found = [];
  for (let i = 0; i < Reveal.getTotalSlides(); i++) {
    const slide = Reveal.getCurrentSlide();
    found.push([slide.scrollHeight, slide.scrollWidth, slide.innerText.trim()]);
    Reveal.next();
  }
  return found;
}"""


def test_slides_show_from_a_folder(browser, slides):
    """Opened as files they request nothing from the network, and little needs scrolling."""
    names = sorted(path.name for path in slides.glob("*.slides.html"))
    stems = sorted(path.stem for path in CHECKOUT.glob("notebooks/*.ipynb"))
    assert names == [f"{stem}.slides.html" for stem in [*stems, "opening"]]
    page = browser.new_page(viewport={"width": 1120, "height": 720})
    errors = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
    for name in names:
        page.goto((slides / name).as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        measured = page.evaluate(MEASURED)
        assert len(measured) > 5, name
        assert all(words or height > 100 for height, _, words in measured), name
        assert max(width for _, width, _ in measured) <= 1130, name
        assert max(height for height, *_ in measured) <= 1.2 * 720, name
        assert sum(height > 730 for height, *_ in measured) <= len(measured) / 8, name
    page.close()
    assert errors == []
