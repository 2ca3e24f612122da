"""The pictures of Dask's dashboard in notebook 13 can be taken again."""

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.browser


def test_a_picture_of_the_dashboard_has_its_colours(tmp_path):
    """One worker waits: the stream has the size of the notebook's picture, bars, and white."""
    program = CHECKOUT / "tools" / "dashboard_pictures.py"
    subprocess.run([sys.executable, program, "--into", tmp_path, "one-idle"], check=True)
    taken = imread(tmp_path / "one-idle.png")
    assert taken.shape == imread(CHECKOUT / "notebooks" / "pictures" / "one-idle.png").shape
    white = (taken[..., :3] > 0.97).all(axis=2).mean()
    assert 0.3 < white < 0.9
