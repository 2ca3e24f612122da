"""A picture of a small task graph, drawn with Matplotlib: nothing else has to be installed."""

from collections import Counter

import dask
import networkx as nx
from dask._task_spec import Alias, DataNode, convert_legacy_graph
from dask.core import flatten
from dask.utils import key_split
from matplotlib.patches import Patch

from segkit.figures.notebook import new_figure

MOST = 60
# Face and edge of a box, by what it stands for; black text is readable on each of them.
LOOKS = {
    "task": ("#CFE8F7", "#0072B2"),
    "result": ("#FBE3B5", "#B36B00"),
    "data": ("#EEEEEE", "#666666"),
    "another name": ("#FFFFFF", "#888888"),
}


def tasks(collection):
    """Return the tasks that computing a Dask collection needs, as a directed graph.

    Parameters
    ----------
    collection : dask collection
        An array, a delayed object, a dataframe ...

    Returns
    -------
    networkx.DiGraph
        Edges lead from a task to those that use its result. Node attribute ``kind`` is "task",
        "result" (a task whose outcome is asked for), "data" (a value that is there already) or
        "another name" (of the same result; no work).

    Raises
    ------
    ValueError
        If it is no Dask collection.
    """
    if not dask.is_dask_collection(collection):
        msg = f"A {type(collection).__name__} has no task graph: give a Dask array or the like."
        raise ValueError(msg)
    nodes = convert_legacy_graph(dict(collection.__dask_graph__()))
    wanted = set(flatten(collection.__dask_keys__()))
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from((used, key) for key, node in nodes.items() for used in node.dependencies)
    needed = wanted.union(*(nx.ancestors(graph, key) for key in wanted))
    for key in needed:
        kind = {Alias: "another name", DataNode: "data"}.get(type(nodes[key]), "task")
        graph.nodes[key]["kind"] = "result" if key in wanted else kind
    return graph.subgraph(needed)


def _index(key):
    """Return what to sort tasks by at first: the chunk's index, then the name."""
    parts = key[1:] if isinstance(key, tuple) else ()
    return [part for part in parts if isinstance(part, int)], str(key)


def _name(key):
    """Return what to write on a task: its function and the chunk's index, without the hash.

    >>> print(_name(("gaussian_filter-baef148940f20f547b1d2ccd9e143b16", 2, 0, 0)))
    gaussian_filter
    (2, 0, 0)
    """
    name = key_split(key)
    name = name if len(name) <= 20 else f"{name[:19]}…"
    return f"{name}\n{key[1:]}" if isinstance(key, tuple) and len(key) > 1 else name


def layered(graph):
    """Return a place for each task, as ``{key: (layer, position)}``.

    A layer holds the tasks whose results are needed next: each task stands right before the first
    one that uses it. Within a layer, tasks stand near those that they belong to; each
    layer spreads over the breadth of the broadest, whose positions are 1 apart.
    """
    layers = [list(layer) for layer in nx.topological_generations(graph.reverse(copy=True))][::-1]
    order = {key: i for layer in layers for i, key in enumerate(sorted(layer, key=_index))}
    for side in (graph.pred, graph.succ) * 2:
        for layer in layers if side is graph.pred else layers[::-1]:
            centre = {
                key: sum(order[other] for other in side[key]) / len(side[key])
                if side[key]
                else order[key]
                for key in layer
            }
            layer.sort(key=lambda key: (centre[key], order[key]))
            order.update({key: i for i, key in enumerate(layer)})
    breadth = max(map(len, layers))
    return {
        key: (depth, (order[key] + 0.5) * breadth / len(layer))
        for depth, layer in enumerate(layers)
        for key in layer
    }


def graph(collection):
    """Draw the task graph of a small Dask collection.

    Parameters
    ----------
    collection : dask collection
        Of at most 60 tasks. Tasks that its result does not need are left out.

    Returns
    -------
    matplotlib.figure.Figure
        A box a task, with the function's name and the chunk's index; arrows lead from a task to
        those that use its result.

    Raises
    ------
    ValueError
        If it is no Dask collection, or has too many tasks.
    """
    found = tasks(collection)
    if len(found) > MOST:
        msg = (
            f"The graph has {len(found)} tasks, more than the {MOST} that can be read in a "
            "picture: draw a part of it, such as graph(stack[:3])."
        )
        raise ValueError(msg)
    places = layered(found)
    layers = {key: layer for key, (layer, _) in places.items()}
    depth, breadth = len(set(layers.values())), max(Counter(layers.values()).values())
    down = breadth <= 5 or depth > 6
    if down:
        fig = new_figure(max(3.5, 1.9 * breadth), 0.9 + 0.75 * depth)
        places = {key: (position, -layer) for key, (layer, position) in places.items()}
    else:
        fig = new_figure(max(3.5, 2.1 * depth), 0.9 + 0.5 * breadth)
        places = {key: (layer, -position) for key, (layer, position) in places.items()}
    ax = fig.add_subplot()
    boxes = {
        key: ax.text(*places[key], _name(key), ha="center", va="center", fontsize=9, zorder=2)
        for key in found
    }
    for key, box in boxes.items():
        face, edge = LOOKS[found.nodes[key]["kind"]]
        box.set_bbox({"boxstyle": "round,pad=0.35", "facecolor": face, "edgecolor": edge})
    leave, enter = ((0.5, 0), (0.5, 1)) if down else ((1, 0.5), (0, 0.5))
    for start, end in found.edges:
        span = layers[end] - layers[start]
        arrow = {
            "arrowstyle": "-|>",
            "color": "#555555",
            "patchA": boxes[start].get_bbox_patch(),
            "patchB": boxes[end].get_bbox_patch(),
            # An arrow past other layers bends around the boxes there, each about as far.
            "connectionstyle": f"arc3,rad={min(0.6, 1.8 / span) if span > 1 else 0}",
        }
        ax.annotate("", enter, leave, boxes[end], boxes[start], arrowprops=arrow, zorder=1)
    horizontal, vertical = zip(*places.values(), strict=True)
    ax.set_xlim(min(horizontal) - 0.6, max(horizontal) + 0.6)
    ax.set_ylim(min(vertical) - 0.6, max(vertical) + 0.6)
    ax.axis("off")
    order = ", from top to bottom" if down else ", from left to right"
    ax.set_title(
        f"{len(found)} task{'s' * (len(found) > 1)}{order * (depth > 1)}",
        fontsize=12,
    )
    kinds = {kind for _, kind in found.nodes(data="kind")}
    samples = [
        Patch(facecolor=face, edgecolor=edge, label=kind)
        for kind, (face, edge) in LOOKS.items()
        if kind in kinds
    ]
    ncols = len(samples) if fig.get_figwidth() > 5 else 2
    fig.legend(handles=samples, loc="outside lower center", ncols=ncols, frameon=False)
    return fig
