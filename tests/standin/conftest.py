"""Keeps pytest from importing the stand-in as test modules: it would be taken for CuPy."""

collect_ignore = ["packages"]
