"""The snippets as a collection: explained, tested, and those of the notebooks."""

import ast
import json
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
from PIL import Image

CHECKOUT = Path(__file__).parents[2]
SNIPPETS = sorted((CHECKOUT / "snippets").glob("*.py"))
# snippets that are the cell "Copy this" of their notebook
COPIES = {
    "count_nuclei": "00_start_here",
    "read_pattern": "01_reading",
    "map_overlap_filter": "07_map_blocks_map_overlap",
    "delayed_table": "08_delayed",
    "apply_parallel_filter": "09_apply_parallel",
    "split_touching": "10_touching_nuclei",
    "label_tiles": "11_one_large_image",
    "model_per_worker": "12_your_own_model",
    "local_cluster": "13_scaling_up",
    "slurm_cluster": "14_clusters_and_faults",
    "gpu_segment": "15_gpu",
}


def docstring(path):
    """Return the docstring of a snippet."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_each_explains_itself(path):
    """A title, how to run it, what it is for, and a notebook that exists."""
    title, command, text = docstring(path).split("\n\n")
    assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", title)
    assert command == f"    python snippets/{path.name}"
    (notebook,) = re.findall(r"\bnotebooks/[\w.]+\.ipynb", text)
    assert (CHECKOUT / notebook).is_file()
    assert text.rstrip().endswith(f"{notebook}.")
    assert len(text) > 150


def test_each_is_tested():
    """The name of every snippet stands in a test of this folder."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [path.name for path in SNIPPETS if f'"{path.stem}"' not in tests] == []


CODE = {path.stem: path.read_text("utf-8") for path in SNIPPETS}
OF_OWN = {name for name, code in CODE.items() if "data.locate" not in code}
OF_FRAMES = {name for name in OF_OWN if 'pattern = "images/*.tif"' in CODE[name]}
OF_FRAMES -= {"find_odd_files", "skip_bad_files", "read_pattern"}  # which list them
OF_FRAMES -= {"model_per_worker"}  # which needs a network


def test_each_stands_on_its_own():
    """No snippet needs segkit, unless segkit is its subject or a notebook has it so."""
    users = {name for name, code in CODE.items() if "segkit import" in code}
    assert users <= {"score_labels", *COPIES}


@pytest.mark.parametrize("name", sorted(OF_OWN))
def test_each_says_what_it_did_not_find(name, play, tmp_path, monkeypatch):
    """In an empty folder the error names what was looked for; no frames are simulated."""
    monkeypatch.setitem(sys.modules, "napari", object())
    places = r"images|(large|stack|volume)\.tif|nuclei\.parquet|labels\.ome\.zarr"
    with pytest.raises((OSError, ValueError), match=places):
        play(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:threshold_otsu is expected")  # for grey levels
@pytest.mark.parametrize("shape", [(30, 40, 3), (2, 2, 30, 40)])
@pytest.mark.parametrize("name", sorted(OF_FRAMES))
def test_each_refuses_other_images(name, shape, play, tmp_path, monkeypatch):
    """Colours and several pages per file are not taken for frames."""
    monkeypatch.setitem(sys.modules, "napari", object())
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    options = {"photometric": "rgb" if shape[-1] == 3 else "minisblack"}
    tifffile.imwrite(tmp_path / "images" / "a.tif", pixels, **options)
    with pytest.raises((AssertionError, RuntimeError, ValueError)):
        play(name)


@pytest.mark.parametrize("name", COPIES)
def test_the_snippet_is_that_of_its_notebook(name):
    """Code and notebook's last cell are the same."""
    path = CHECKOUT / "snippets" / f"{name}.py"
    notebook = f"notebooks/{COPIES[name]}.ipynb"
    (copy,) = [
        cell.source
        for cell in nbformat.read(CHECKOUT / notebook, as_version=4).cells
        if "copy" in cell.metadata.get("tags", [])
    ]
    source = path.read_text(encoding="utf-8")
    assert re.sub(r'\A"""(.*?)"""\n\n', "", source, flags=re.S).strip() == copy.strip()
    assert notebook in docstring(path)


def test_the_gallery_shows_every_snippet(load):
    """The page of the web site has title, result, notebook and code of each."""
    page = load("site/gallery").page(SNIPPETS)
    printed = load("tests/snippets/printed")
    record = json.loads(printed.RECORD.read_text("utf-8"))
    for path in SNIPPETS:
        title, _, text = docstring(path).split("\n\n")
        assert page.count(f"### {title[:-1]}\n") == 1
        part = page.split(f"(snippet-{path.stem})=")[1].split("(snippet-")[0]
        assert f"(/{text.split()[-1][:-1]})" in part
        assert path.stem in COPIES or "**Result:** It" in part
        assert f"{CODE[path.stem].splitlines()[-1]}\n```" in part
        text = record["printed"].get(path.stem)
        assert f"\n\n{text}\n```" in part or path.stem in printed.NOT_RUN
        assert (f"copy/{path.stem}.png" in part) == (path.stem in record["pictures"])


def test_each_notebook_links_its_snippets(load):
    """Below "Copy this" the page of a notebook leads to every snippet that it explains."""
    linked = load("site/gallery").linked
    for path in CHECKOUT.glob("notebooks/*.ipynb"):
        page = linked(nbformat.read(path, as_version=4), path.stem, SNIPPETS)
        (cell,) = (cell.source for cell in page.cells if "(/copy/index.md)" in cell.source)
        ours = {one.stem for one in SNIPPETS if f"notebooks/{path.name}." in docstring(one)}
        assert cell.startswith("## Copy this\n")
        assert ours == set(re.findall(r"\(#snippet-(\w+)\)", cell)) != set()


def test_the_gallery_shows_what_the_snippets_print_and_draw(load, tmp_path):
    """A new run gives the same texts, numbers and pictures as the record."""
    printed = load("tests/snippets/printed")
    record = json.loads(printed.RECORD.read_text("utf-8"))
    found = printed.run_all(tmp_path)
    assert found.keys() == record["printed"].keys() == CODE.keys() - printed.NOT_RUN
    for name in found.keys() - {"local_cluster", "profile_tasks"}:  # a port, and seconds
        now, then = (re.split(r"(\d+\.?\d*)", one[name]) for one in (found, record["printed"]))
        assert now[::2] == then[::2], name
        assert [*map(float, now[1::2])] == pytest.approx([*map(float, then[1::2])], rel=0.02), name
    drawn = printed.pictures(tmp_path)
    assert drawn.keys() == record["pictures"].keys()
    for name, picture in drawn.items():
        with Image.open(printed.PICTURES / f"{name}.png") as shown:
            assert np.abs(np.subtract(picture, shown.convert("RGB"), dtype=float)).mean() < 8
