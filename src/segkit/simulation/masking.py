"""True nuclei as the mask images of BBBC039 hold them: three colours, so that no two meet."""

import numpy as np


def encode_mask(labels):
    """Colour labels as the masks of BBBC039 are coloured.

    Parameters
    ----------
    labels : (rows, columns) array of int
        Objects 1 to n, each one 8-connected piece; 0 is background.

    Returns
    -------
    (rows, columns, 4) array of uint8
        Red is 1, 2 or 3 in objects, never the same in two that touch, be it at a corner; green
        and blue are 0, alpha is 255. So equal red values that touch are one object.

    Raises
    ------
    ValueError
        If three colours are not found to be enough.

    Examples
    --------
    >>> encode_mask(np.array([[1, 1, 0, 0], [2, 2, 0, 3]]))[..., 0]
    array([[2, 2, 0, 0],
           [1, 1, 0, 1]], dtype=uint8)
    """
    graph = touching(labels)
    # Take away the object with the fewest neighbours left, again and again, then colour in the
    # opposite order: where each has two left at most when its turn comes, three colours do.
    left = {one: set(others) for one, others in graph.items()}
    order = []
    while left:
        order.append(min(left, key=lambda one: len(left[one])))
        for other in left.pop(order[-1]):
            left[other].discard(order[-1])
    colours = np.ones(labels.max(initial=0) + 1, np.uint8)
    colours[0], colours[order] = 0, 0
    for one in reversed(order):
        free = {1, 2, 3}.difference(colours[list(graph[one])].tolist())
        if not free:
            raise ValueError(f"Object {one}: three colours do not part it from its neighbours.")
        colours[one] = min(free)
    mask = np.zeros((*labels.shape, 4), np.uint8)
    mask[..., 0] = np.take(colours, labels)
    mask[..., 3] = 255
    return mask


def touching(labels):
    """Map each object that touches another, 8-connected, to the set of those it touches."""
    graph = {}
    width = labels.shape[1] + 1
    flat = np.pad(labels, ((0, 0), (0, 1))).ravel()  # an empty column keeps the rows apart
    for step in (1, width - 1, width, width + 1):
        differ = np.flatnonzero(flat[:-step] != flat[step:])
        meet = differ[(flat[differ] > 0) & (flat[differ + step] > 0)]
        for one, other in set(zip(flat[meet].tolist(), flat[meet + step].tolist(), strict=True)):
            graph.setdefault(one, set()).add(other)
            graph.setdefault(other, set()).add(one)
    return graph
