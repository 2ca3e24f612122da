"""The traps of older walk-throughs: that this course does not fall in, and what is right.

| trap | shown, wrong and right, in | tested here |
| --- | --- | --- |
| T1 ``blocksize`` | notebook 03 | the name |
| T2 undefined names, closing for opening | notebook 04 (the two results) | the package opens |
| T3 label without a structure | notebook 05 | frames stay apart |
| T4, T5 index too short, background as object 0 | notebook 05 | the package's tables |
| T6 lazy ``n`` | notebook 05 | see snippets/test_whole_pipeline.py: four reads |
| T7 measuring labels not persisted | notebook 05 | see snippets/test_whole_pipeline.py |
| T8 ``dask_image.imread`` | notebook 01 | nothing else imports it |
| T9 ``apply_parallel`` at the rim | | here |
| T10 deprecated names of scikit-image | notebook 04 | nothing else uses them |
| T11 ``map_overlap`` without a boundary | notebook 02 | every call states one |
| T12 blurred ``uint16`` is truncated | notebook 02 | here |
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
import pandas as pd
import pytest
import tifffile
from dask_image import ndfilters, ndmeasure, ndmorph
from scipy import ndimage
from skimage.filters import gaussian
from skimage.util import apply_parallel
from sources import ROOT, trees

from segkit import data, frame, simulate

FOLDERS = ("src", "snippets", "notebooks")
STRUCTURE = np.zeros((3, 3, 3), bool)
STRUCTURE[1] = ndimage.generate_binary_structure(2, 1)


def mask_of(images):
    """Return what the chain's threshold passes, before the opening; `images` is a Dask array."""
    smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
    return smoothed > ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))


def chain(images):
    """Return the labels and their number as the notebooks compute them."""
    opened = ndmorph.binary_opening(mask_of(images), STRUCTURE).persist()
    return dask.compute(*ndmeasure.label(opened, STRUCTURE))


def one_by_one(stack):
    """Return the same by segmenting frame after frame, the numbers counting on."""
    labels, n = np.zeros(stack.shape, np.int32), 0
    for number, image in enumerate(stack):
        found = frame.segment(image)
        labels[number] = np.where(found, found + n, 0)
        n += int(found.max())
    return labels, n


@pytest.fixture(scope="module")
def stack():
    """Return crops of three simulated frames, of an odd number of rows and columns."""
    return np.stack([simulate.frame(39, number)[0][100:251, 60:257] for number in range(3)])


@pytest.fixture(scope="module")
def lazy(stack):
    """Return the same, one frame a chunk."""
    return da.from_array(stack, chunks=(1, *stack.shape[1:]))


@pytest.fixture(scope="module")
def real_stack(real_frames):
    """Return the first three real frames."""
    return np.stack([tifffile.imread(path) for path in data.images(real_frames)[:3]])


@pytest.mark.parametrize("frames", [1, 2, 3, (2, 1), (1, 2)])
def test_labels_do_not_depend_on_the_chunks(stack, frames):
    """One, two or three frames a chunk: the labels are those of the frames one by one."""
    labels, n = chain(da.from_array(stack, chunks=(frames, *stack.shape[1:])))
    expected, count = one_by_one(stack)
    assert n == count > 30
    np.testing.assert_array_equal(labels, expected)


def test_chunk_size_is_a_block_size_only_while_a_chunk_is_one_frame(stack):
    """With several frames a chunk, block_size=chunksize blurs across frames; we state (1, ...)."""
    several = np.concatenate([stack, stack[::-1], stack])
    images = da.from_array(several, chunks=(9, *stack.shape[1:]))
    right = ndfilters.threshold_local(images, block_size=(1, *images.shape[1:]))
    wrong = ndfilters.threshold_local(images, block_size=images.chunksize)
    assert abs(right - wrong).max().compute() > 5
    alone = ndfilters.threshold_local(images[4:5], block_size=(1, *images.shape[1:]))
    np.testing.assert_allclose(right[4:5].compute(), alone.compute(), rtol=1e-12)


def assert_measured_alike(stack, labels):
    """Compare dask-image's areas and means with those of `frame.measure`."""
    images, lazy_labels = (da.from_array(a, chunks=(1, -1, -1)) for a in (stack, labels))
    index = np.arange(1, labels.max() + 1)
    area, mean = (
        measure(images, lazy_labels, index).compute()
        for measure in (ndmeasure.area, ndmeasure.mean)
    )
    table = pd.concat(frame.measure(*pair) for pair in zip(stack, labels, strict=True))
    np.testing.assert_array_equal(table["label"], index)
    np.testing.assert_array_equal(table["area"], area)
    np.testing.assert_allclose(table["mean_intensity"], mean, rtol=1e-9)


def test_both_ways_measure_alike(stack, lazy):
    """Area to the last digit, mean intensity to 1e-9, of every nucleus."""
    assert_measured_alike(stack, chain(lazy)[0])


@pytest.mark.real
def test_real_frames_have_the_same_271_nuclei_both_ways(real_stack):
    """On whole frames too, dask-image and `segkit.frame` agree in every pixel."""
    expected, count = one_by_one(real_stack)
    assert count == 271
    for frames in (1, 3):
        labels, n = chain(da.from_array(real_stack, chunks=(frames, -1, -1)))
        assert n == 271
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.real
def test_both_ways_measure_real_frames_alike(real_stack):
    """Each of the three frames by itself, all of its nuclei: one chunk is quick."""
    for image in real_stack:
        assert_measured_alike(image[None], frame.segment(image)[None])


def test_t1_the_argument_is_called_block_size(lazy):
    """The name of the walk-through raises, and does so at once."""
    with pytest.raises(TypeError, match="blocksize"):
        ndfilters.threshold_local(lazy, blocksize=lazy.chunksize)


def test_t2_the_package_opens_and_does_not_close(stack, lazy):
    """Where opening and closing differ, `frame.segment` has the opened mask."""
    mask = mask_of(lazy).compute()
    opened, closed = (
        np.stack([step(one) for one in mask])
        for step in (ndimage.binary_opening, ndimage.binary_closing)
    )
    assert (opened != closed).sum() > 50
    np.testing.assert_array_equal(one_by_one(stack)[0] > 0, opened)


def test_t3_no_object_reaches_into_another_frame(lazy):
    """With the cross in the middle plane each number occurs in one frame; by default it may not."""
    labels, n = chain(lazy)
    in_frames = [set(np.unique(one)) - {0} for one in labels]
    assert sum(map(len, in_frames)) == len(set.union(*in_frames)) == n
    joined = ndmeasure.label(da.from_array(labels > 0, chunks=lazy.chunks))[1].compute()
    assert joined < 0.8 * n


def test_t4_t5_tables_hold_every_nucleus_and_no_background(stack):
    """Labels 1 to n, the last one too, and together they have as many pixels as the mask."""
    for image in stack:
        labels = frame.segment(image)
        table = frame.measure(image, labels)
        assert table["label"].tolist() == list(range(1, labels.max() + 1))
        assert table["area"].sum() == np.count_nonzero(labels) < labels.size / 2


def named(tree):
    """Yield dotted names that a tree imports, and those of attributes, such as morphology.disk."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def users(pattern):
    """Return the names of the files in which such a name occurs."""
    names = ((path.name, name) for path, tree in trees(*FOLDERS) for name in named(tree))
    return {file for file, name in names if re.search(pattern, name)}


def calls():
    """Yield the file, the function's name and the keywords of each call, as text."""
    for path, tree in trees(*FOLDERS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                yield path.name, ast.unparse(node.func).rpartition(".")[2], given


def test_t8_frames_are_read_without_dask_image_imread():
    """Only the notebooks that explain it import it (15: straight to a GPU); nothing else does."""
    assert users(r"^dask\.array\.image\.imread$|^image\.imread$") > {"whole_pipeline.py"}
    assert users(r"^dask_image(\.imread.*|$)") <= {"01_reading.ipynb", "15_gpu.ipynb"}


def test_t10_deprecated_names_of_scikit_image_are_not_used():
    """Only the notebook that shows the warnings uses any of them."""
    old = r"morphology\.(binary_(erosion|dilation|opening|closing)|square|rectangle|cube)$"
    assert users(old) == {"04_morphology.ipynb"}
    limits = {"min_size", "area_threshold"}
    assert {
        file for file, name, given in calls() if "remove_small" in name and limits & set(given)
    } <= {"04_morphology.ipynb"}


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


@pytest.mark.parametrize("depth", [4, 8])
def test_t9_apply_parallel_takes_the_mode_of_the_filter(stack, depth):
    """It reflects by default: skimage's Gaussian, whose mode is "nearest", is wrong at the rim."""
    image = stack[0].astype(float)
    expected = gaussian(image, sigma=1)

    def error(depth, **mode):
        blurred = apply_parallel(
            gaussian, image, chunks=(76, 99), depth=depth, extra_keywords={"sigma": 1}, **mode
        )
        return np.abs(blurred - expected)

    assert error(depth).max() > 1
    assert error(depth)[4:-4, 4:-4].max() < 1e-9
    assert error(depth, mode="nearest").max() < 1e-9
    assert error(2, mode="nearest").max() > 0.1  # less than 4 sigma: wrong where chunks meet


def test_t12_a_blurred_uint16_is_truncated(stack, lazy):
    """Both ways keep uint16 and lose the fraction; converted first, nothing is lost."""
    blurred = ndfilters.gaussian_filter(lazy, sigma=[0, 1, 1])
    exact = ndfilters.gaussian_filter(lazy.astype(float), sigma=[0, 1, 1])
    smoothed = np.stack([frame.smooth(image) for image in stack])
    assert blurred.dtype == smoothed.dtype == np.uint16
    np.testing.assert_array_equal(blurred.compute(), smoothed)
    lost = exact.compute() - smoothed
    assert 0.5 < lost.mean() < 1.5
    assert lost.min() > -1e-9
    assert lost.max() < 2 + 1e-9
    assert frame.smooth(stack[0].astype(float)).dtype == np.float64


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
