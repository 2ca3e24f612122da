"""Google Colab, rehearsed: a notebook without its repository, and the cell that installs the kit.

Colab's own kernel must stay as it is: a newer IPython or ipykernel makes its sessions end. So the
rehearsal begins with old ones, as Colab has them, and looks whether they are still there at the
end. It cannot show that Colab of today has the packages that ``PROVIDED`` names.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import sources
from nbclient import NotebookClient
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
KERNEL = ["ipython==7.34.0", "ipykernel==6.17.1", "ipywidgets==7.7.1"]
# of what Colab has installed (googlecolab/backend-info, pip-freeze.txt), what the kit makes use of
PROVIDED = ["matplotlib", "networkx", "pandas", "pillow", "psutil", "pyarrow", "requests", "tqdm"]
PROVIDED += ["scikit-learn", "threadpoolctl"]
TRIED = r"\b(cupyx?|napari|dask_kubernetes|cellpose|csbdeep|stardist)\b"

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.skipif(sys.platform != "linux", reason="Colab runs on Linux"),
]


@pytest.fixture
def python(tmp_path):
    """Make an environment that has what Colab brings, and no Jupyter server."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "-c", CHECKOUT / "constraints.txt", *PROVIDED]
    subprocess.run(pip, check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *KERNEL], check=True)
    yield python
    shutil.rmtree(tmp_path / "env", ignore_errors=True)


def installed(python):
    """Return the packages of an environment with their versions."""
    freeze = [python, "-m", "pip", "freeze"]
    done = subprocess.run(freeze, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def imported():
    """Return the imports of all notebooks, but for those that a notebook only tries."""
    lines = {ast.unparse(node) for node in sources.imports("notebooks")}
    return "\n".join(line for line in sorted(lines) if not re.search(TRIED, line))


def test_a_notebook_runs_where_the_cell_installed_the_kit(python, tmp_path, monkeypatch):
    """The cell of binder/colab.txt, notebook 01, and the imports of all others, in a new folder."""
    before = installed(python)
    for name in ("SEGKIT_DATA", "PYTHONPATH", "MPLBACKEND", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEGKIT_VIEWER", "matplotlib")
    # tested versions for what is added; what is there may be newer than those, and has to stay
    there = {canonicalize_name(need.split("==")[0]) for need in before}
    rows = (CHECKOUT / "constraints.txt").read_text("utf-8").splitlines()
    missing = [row for row in rows if canonicalize_name(row.split("==")[0]) not in there]
    (tmp_path / "constraints.txt").write_text("\n".join(missing))
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
    cell = (CHECKOUT / "binder" / "colab.txt").read_text("utf-8").strip()
    address = cell.rsplit(" ", 1)[1]
    assert address.startswith("git+https://")
    source = tmp_path / "source"  # of this checkout, in place of the repository's address
    shutil.copytree(CHECKOUT / "src", source / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    book = nbformat.read(CHECKOUT / "notebooks" / "01_reading.ipynb", as_version=4)
    book.cells.insert(0, nbformat.v4.new_code_cell(cell.replace(address, str(source))))
    book.cells.append(nbformat.v4.new_code_cell(imported()))
    specs = tmp_path / "specs" / "kernels" / "colab"
    specs.mkdir(parents=True)
    start = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (specs / "kernel.json").write_text(json.dumps({"argv": start, "display_name": "Colab"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "specs"))
    content = tmp_path / "content"
    content.mkdir()
    NotebookClient(
        book, timeout=280, kernel_name="colab", resources={"metadata": {"path": str(content)}}
    ).execute()
    first = next(cell for cell in book.cells if "data.describe" in cell.source)
    assert first.outputs[0].text.startswith("simulated frames, 48")
    assert [path.name for path in content.iterdir()] == ["data"]
    after = installed(python)
    assert before < after  # nothing that was there was changed or taken away
    assert set(KERNEL) < after
    added = sorted(need.split("==")[0].split(" @")[0] for need in after - before)
    print(f"\nthe cell added {', '.join(added)}")
