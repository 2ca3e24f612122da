"""The traps of older walk-throughs: that this course does not fall in, and what is right.

| trap | shown, wrong and right, in | tested here |
| --- | --- | --- |
| T1 ``blocksize`` | notebook 03 | |
| T2 undefined names, closing for opening | notebook 04 (the two results) | the labels |
| T3 label without a structure | notebook 05 | the labels |
| T4, T5 index too short, background as object 0 | notebook 05 | see test_frame.py: the tables |
| T6 lazy ``n`` | notebook 05 | see snippets/test_whole_pipeline.py: four reads |
| T7 measuring labels not persisted | notebook 05 | see snippets/test_whole_pipeline.py |
| T8 ``dask_image.imread`` | notebook 01 | nothing else imports it |
| T9 ``apply_parallel`` at the rim | notebook 09 | see check/test_parallel.py: depth and mode |
| T10 deprecated names of scikit-image | notebook 04 | their warnings are errors in all tests |
| T11 ``map_overlap`` without a boundary | notebook 02 | every call states one |
| T12 blurred ``uint16`` is truncated | notebook 02 | the blur |
| T13 unquoted ``>=`` in a shell | | no text tells a learner to type it |
| T14 lazy arrays to ``plt.scatter`` | notebook 05 | see snippets/test_whole_pipeline.py |

And the two promises behind them: dask-image's chain equals `segkit.frame`, pixel by pixel, and
gives the same labels whatever the chunking along the frame axis.
"""

import ast
import re

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from dask_image import ndfilters, ndmeasure, ndmorph
from scipy import ndimage
from sources import ROOT, trees

from segkit import data, frame, simulate

FOLDERS = ("src", "snippets", "notebooks")
STRUCTURE = np.zeros((3, 3, 3), bool)
STRUCTURE[1] = ndimage.generate_binary_structure(2, 1)


def chain(images):
    """Return the labels of a Dask array and their number as the notebooks compute them."""
    smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
    mask = smoothed > ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))
    return dask.compute(*ndmeasure.label(ndmorph.binary_opening(mask, STRUCTURE), STRUCTURE))


def one_by_one(stack):
    """Return the same by segmenting frame after frame, the numbers counting on."""
    labels, n = np.zeros(stack.shape, np.int32), 0
    for number, image in enumerate(stack):
        found = frame.segment(image)
        labels[number] = np.where(found, found + n, 0)
        n += int(found.max())
    return labels, n


@pytest.fixture(scope="module", params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def stack(request):
    """Return crops of three simulated frames, of odd sizes, or the first three real frames."""
    if request.param == "real":
        folder = request.getfixturevalue("real_frames")
        return np.stack([tifffile.imread(path) for path in data.images(folder)[:3]])
    return np.stack([simulate.frame(39, number)[0][100:251, 60:257] for number in range(3)])


@pytest.mark.parametrize("frames", [1, 3, (2, 1), (1, 2)])
def test_labels_do_not_depend_on_the_chunks(stack, frames):
    """However many frames a chunk has, the labels are those of the frames one by one."""
    labels, n = chain(da.from_array(stack, chunks=(frames, *stack.shape[1:])))
    expected, count = one_by_one(stack)
    assert n == count > 30
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("dtype", ["uint16", "float64"])
def test_both_ways_blur_alike(stack, dtype):
    """The dtype is kept, so that of integers both lose the same fractions."""
    images = stack.astype(dtype)
    blurred = ndfilters.gaussian_filter(da.from_array(images), sigma=[0, 1, 1])
    smoothed = np.stack([frame.smooth(image) for image in images])
    assert blurred.dtype == smoothed.dtype == dtype
    np.testing.assert_allclose(blurred.compute(), smoothed)


def users(pattern):
    """Return the names of the files in whose code, without comments, a pattern occurs."""
    return {path.name for path, tree in trees(*FOLDERS) if re.search(pattern, ast.unparse(tree))}


def calls():
    """Yield the file, the function's name and the keywords of each call, as text."""
    for path, tree in trees(*FOLDERS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                yield path.name, ast.unparse(node.func).rpartition(".")[2], given


def test_t8_frames_are_read_without_dask_image_imread():
    """Only the notebooks that explain it import it (15: straight to a GPU); nothing else does."""
    assert users("from dask.array.image import imread") > {"whole_pipeline.py"}
    theirs = r"\bdask_image\.imread\b|from dask_image import .*\bimread|import dask_image\b(?!\.)"
    assert users(theirs) <= {"01_reading.ipynb", "15_gpu.ipynb"}


def test_t11_every_overlap_states_its_boundary():
    """A call of map_overlap without `boundary` pads nothing today, and reflected once."""
    found = [(file, set(given)) for file, name, given in calls() if name == "map_overlap"]
    assert found
    assert [file for file, given in found if not given & {"boundary", None}] == []


def test_clusters_are_closed_to_the_network():
    """Web pages are on loopback or off; a scheduler for other hosts asks for certificates."""
    code = "\n".join(ast.unparse(tree) for _, tree in trees(*FOLDERS))
    places = re.findall(r"dashboard[_-]address(?:=|': |', )([^,)}\]]+)", code)
    assert set(places) <= {"None", "'127.0.0.1:0'", "'127.0.0.1:8787'"}
    assert len(places) > 10
    for file, name, given in calls():
        if name == "LocalCluster":
            assert given.keys() & {"dashboard_address", None}, file
        elif name == "SLURMCluster":
            assert given["security"] == "True", file
        elif name == "SSHCluster" and "scheduler_options" in given:
            assert "'tls://'" in given["scheduler_options"], file


def test_t13_requirements_are_quoted_in_a_shell():
    """Without quotes, the shell takes >= for a redirection and writes a file of that name."""
    texts = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("*.yml")]
    for folder in (".ci", ".github", "binder", "notebooks", "site"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    unquoted = re.compile(r"(?:pip|conda|mamba|uv)[^\n]*\binstall\b[^\n]*[\w\]][<>]=?\d")
    found, searched = [], 0
    for path in texts:
        text = path.read_bytes().decode("utf-8", "replace").replace('\\"', '"')
        searched += len(re.findall(r"pip[^\n]*\binstall\b", text))
        bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*[<>][^\"\n]*\"", "", text)
        found += [(path.name, line) for line in unquoted.findall(bare)]
    assert searched
    assert found == []
