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
CLUSTER = """\
from dask.distributed import Client, LocalCluster

cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
client = Client(cluster)
print(client.dashboard_link)
client"""


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

    def write(self, index, text):
        """Replace the source of a cell by typing."""
        self.show(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def run(self, *indices):
        """Press Shift+Enter in some cells; return what the last one prints."""
        for index in indices:
            self.show(index).locator(".cm-content").click()
            before = self.cells()[index]["execution_count"]
            self.page.keyboard.press("Shift+Enter")
            self.page.wait_for_function(
                f"([i, n]) => {{ const count = {CELLS}[i].execution_count;"
                " return count !== null && count !== n; }",
                arg=[index, before],
            )
        outputs = self.cells()[indices[-1]]["outputs"]
        return "".join("".join(output.get("text", "")) for output in outputs)


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


def test_notebook_01_is_worked_through(opened):
    """Run all cells, answer an exercise wrongly and rightly, and open a live dashboard."""
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

    drawings = [i for i in codes if "<svg" in json.dumps(cells[i]["outputs"])]
    assert opened.show(drawings[0]).locator(".jp-RenderedHTMLCommon svg").first.is_visible()
    figures = [i for i in codes if '"image/png"' in json.dumps(cells[i]["outputs"])]
    image = opened.show(figures[0]).locator(".jp-RenderedImage img").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 100

    stub = next(i for i in codes if "exercise" in cells[i]["metadata"].get("tags", []))
    assert "".join(cells[stub]["source"]) == "brightest = ..."
    assert "Not answered yet" in opened.run(stub + 1)
    for function, begins in (("mean", "Not yet: "), ("max", "Right.")):
        opened.write(stub, f"brightest = images.{function}(axis=(1, 2)).compute()")
        assert opened.run(stub, stub + 1).startswith(begins)

    last = next(i for i in codes if "copy" in cells[i]["metadata"].get("tags", []))
    opened.write(last, CLUSTER)
    address = opened.run(last).strip()
    link = opened.show(last).locator("a[href*='/status']").first
    assert link.get_attribute("href") == address
    with page.context.expect_page() as popup:
        link.click()
    dashboard = popup.value
    dashboard.locator("canvas").first.wait_for()  # drawn by scripts, from what the scheduler sends
    assert dashboard.title() == "Dask: Status"
    assert dashboard.get_by_role("link", name="Workers").first.is_visible()
    opened.write(last, "client.close()\ncluster.close()")
    opened.run(last)
