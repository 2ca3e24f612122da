"""Task graphs: what is a task, what waits for what, and a picture that can be read."""

import dask
import dask.array as da
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

from segkit.figures import taskgraph


@pytest.fixture(autouse=True)
def _agg():
    """Draw without a window, and leave no figure behind."""
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture
def stack(tmp_path):
    """Return a lazy stack of three files."""
    for number in range(3):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((20, 30), number, np.uint16))
    return imread(str(tmp_path / "*.tif"), imread=tifffile.imread)


def written(figure):
    """Return what is written on the boxes of a figure."""
    return sorted(text.get_text() for text in figure.axes[0].texts if text.get_text())


def test_a_stack_has_a_task_a_file(stack):
    """Three files are three tasks that do not wait for each other."""
    found = taskgraph.tasks(stack)
    assert len(found) == 3
    assert found.number_of_edges() == 0
    figure = taskgraph.graph(stack)
    assert written(figure) == [f"imread\n({number}, 0, 0)" for number in range(3)]
    assert figure.axes[0].get_title() == "3 tasks"


def test_map_blocks_adds_a_task_a_chunk(stack):
    """A function on each chunk waits for the file of that chunk, and for no other."""
    found = taskgraph.tasks(stack.map_blocks(np.negative, dtype=stack.dtype))
    assert len(found) == 6
    assert {(start[1:], end[1:]) for start, end in found.edges} == {
        ((number, 0, 0), (number, 0, 0)) for number in range(3)
    }
    kinds = [kind for _, kind in found.nodes(data="kind")]
    assert sorted(kinds) == ["result"] * 3 + ["task"] * 3


def test_gaussian_filter_on_three_frames(stack):
    """The blur's picture shows reading, overlap, filter and trimming, three of each."""
    figure = taskgraph.graph(ndfilters.gaussian_filter(stack, [0, 1, 1]))
    names = [text.split("\n")[0] for text in written(figure)]
    assert {name: names.count(name) for name in names} == {
        "imread": 3,
        "getitem": 3,
        "overlap": 3,
        "gaussian_filter": 3,
        "trim": 3,
    }
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert legend == {"task", "result", "another name"}
    assert figure.axes[0].get_title() == "15 tasks, from top to bottom"


def test_delayed_objects():
    """A sum of delayed calls has an arrow from each of them."""
    parts = [dask.delayed(abs)(number) for number in (-1, -2)]
    total = dask.delayed(sum)(parts)
    assert written(taskgraph.graph(total)) == ["abs", "abs", "sum"]
    found = taskgraph.tasks(total)
    assert set(found.edges) == {(part.key, total.key) for part in parts}


def test_values_are_data():
    """The chunks of an array in memory are data, not tasks."""
    lazy = da.from_array(np.arange(6), chunks=3) + 1
    kinds = [kind for _, kind in taskgraph.tasks(lazy).nodes(data="kind")]
    assert sorted(kinds) == ["data"] * 2 + ["result"] * 2


def test_what_the_result_does_not_need_is_left_out():
    """Of a long stack's slice, only the chunks of the slice count: that makes it small enough."""
    lazy = da.ones((200, 4, 4), chunks=(1, 4, 4)) + 1
    with pytest.raises(ValueError, match=r"400 tasks, more than the 60 .* graph\(stack\[:3\]\)"):
        taskgraph.graph(lazy)
    assert len(taskgraph.tasks(lazy[:3])) == 9
    assert "9 tasks" in taskgraph.graph(lazy[:3]).axes[0].get_title()


def test_what_is_no_collection_is_refused():
    """A computed array has no graph; the message says what was given."""
    with pytest.raises(ValueError, match="A ndarray has no task graph"):
        taskgraph.graph(np.ones(3))


def test_nothing_is_computed():
    """Drawing a graph runs none of its tasks."""

    def fail(block):
        raise AssertionError("computed")

    lazy = da.ones(4, chunks=2).map_blocks(fail, dtype=float, meta=np.ones(0))
    taskgraph.graph(lazy)


@pytest.mark.parametrize("chunks", [2, 8])
def test_arrows_follow_the_layers(chunks):
    """Every task stands in a later layer than those it waits for, and no two at one place."""
    lazy = da.ones((8, 8), chunks=(chunks, 4)).rechunk((4, chunks)).sum(axis=0)
    found = taskgraph.tasks(lazy)
    places = taskgraph.layered(found)
    assert all(places[start][0] < places[end][0] for start, end in found.edges)
    assert len(set(places.values())) == len(found)


def test_chains_stand_straight(stack):
    """Chains that do not touch each other stand side by side in the order of the frames."""
    places = taskgraph.layered(taskgraph.tasks(ndfilters.gaussian_filter(stack, [0, 1, 1])))
    columns = {}
    for key, (_, position) in places.items():
        columns.setdefault(key[1], set()).add(position)
    assert columns == {0: {0.5}, 1: {1.5}, 2: {2.5}}


@pytest.mark.parametrize(
    "lazy",
    [
        da.ones((8, 8), chunks=(2, 8)).rechunk((8, 2)).sum(axis=0),
        da.ones((3, 5), chunks=(1, 5)) + 1,
        da.ones(40, chunks=1),
    ],
)
def test_boxes_do_not_lie_on_each_other(lazy):
    """No box covers a part of another, and none leaves the figure."""
    figure = taskgraph.graph(lazy)
    figure.canvas.draw()
    boxes = [
        text.get_bbox_patch().get_window_extent()
        for text in figure.axes[0].texts
        if text.get_text()
    ]
    for number, box in enumerate(boxes):
        assert figure.bbox.containsx(box.x0)
        assert figure.bbox.containsx(box.x1)
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_long_names_are_shortened():
    """A name is cut to 20 characters, and keeps the chunk's index."""

    def a_function_with_quite_a_long_name(block):
        return block

    lazy = da.ones(2, chunks=2).map_blocks(a_function_with_quite_a_long_name)
    assert "a_function_with_qui…\n(0,)" in written(taskgraph.graph(lazy))
