"""Behind `segkit.show`: pictures for the pages of notebooks, and layers in napari."""
