"""JupyterLab as `make lab` starts it: a notebook is run and answered in the browser."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
CHECKOUT = Path(__file__).parents[2]
# The cells of the open notebook in JupyterLab's model: it draws only some of them.
CELLS = "jupyterapp.shell.currentWidget.context.model.toJSON().cells"


def recipe():
    """Return the command that `make lab` runs, as words."""
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    command = re.search(r"^lab:.*\n\t\$\(BIN\)/jupyter (lab .*)$", makefile, re.M)
    return shlex.split(command[1])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start a server for copies of the notebooks; return a function that gives their URLs."""
    work = tmp_path_factory.mktemp("lab")
    shutil.copytree(CHECKOUT / "notebooks", work / "notebooks")
    words = [*recipe(), "--no-browser", "--port=0", "--expose-app-in-browser"]
    words += [
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if os.name == "posix" and os.geteuid() == 0:
        words.append("--allow-root")
    env = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(work / "runtime"),
        "SEGKIT_VIEWER": "matplotlib",
    }
    env |= {"SEGKIT_DATA": str(work / "data")}  # simulated frames
    env |= {"JUPYTERLAB_SETTINGS_DIR": str(work / "settings")}
    env |= {"JUPYTERLAB_WORKSPACES_DIR": str(work / "workspaces")}
    with (work / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", *words], cwd=work, env=env, stdout=log, stderr=log
        )
        try:
            until = time.monotonic() + 60
            while not (files := list(work.glob("runtime/jpserver-*.json"))):
                assert server.poll() is None, (work / "log.txt").read_text()
                assert time.monotonic() < until, "the server does not start within a minute"
                time.sleep(0.2)
            info = json.loads(files[0].read_text())
            folder = (work / "notebooks").resolve().relative_to(Path(info["root_dir"]).resolve())
            yield lambda name: f"{info['url']}lab/tree/{folder / name}?token={info['token']}"
        finally:
            server.terminate()  # the server ends its kernels
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page):
        self.page = page

    def cells(self):
        """Return its cells as in the file."""
        return self.page.evaluate(CELLS)

    def show(self, index):
        """Scroll to a cell; return where it is drawn."""
        self.page.evaluate(
            """async (index) => {
              const notebook = jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = index;
              await notebook.scrollToItem(index, "center");
            }""",
            index,
        )
        cell = self.page.locator(f".jp-Cell[data-windowed-list-index='{index}']")
        cell.wait_for()
        return cell


@pytest.fixture
def opened(browser, lab):
    """Open notebook 01 in a new window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(lab("01_reading.ipynb"))
    page.wait_for_function(
        "window.jupyterapp && jupyterapp.shell.currentWidget?.context?.isReady"
        " && jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status == 'idle'"
    )
    yield Notebook(page)
    context.close()


def test_notebook_01_runs(opened):
    """All cells run, the checks wait for answers, drawings and figures are shown."""
    page = opened.page
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    codes = [i for i, cell in enumerate(opened.cells()) if cell["cell_type"] == "code"]
    page.wait_for_function(
        f"(all) => {{ const cells = {CELLS};"
        " return all.every((i) => cells[i].execution_count !== null); }",
        arg=codes,
        timeout=120_000,
    )
    cells = opened.cells()
    errors = [o for i in codes for o in cells[i]["outputs"] if o["output_type"] == "error"]
    assert errors == []
    checks = sum("check" in cells[i]["metadata"].get("tags", []) for i in codes)
    assert json.dumps(cells).count("Not answered yet") == checks > 0
    drawings = [i for i in codes if "<svg" in json.dumps(cells[i]["outputs"])]
    assert opened.show(drawings[0]).locator(".jp-RenderedHTMLCommon svg").first.is_visible()
    figures = [i for i in codes if '"image/png"' in json.dumps(cells[i]["outputs"])]
    image = opened.show(figures[0]).locator(".jp-RenderedImage img").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 100
