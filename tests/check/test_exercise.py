"""What all checks have in common."""

import importlib
import inspect
import pkgutil

import pytest
from answers import said

from segkit import check

MODULES = [
    importlib.import_module(f"segkit.check.{module.name}")
    for module in pkgutil.iter_modules(check.__path__)
]
EXERCISES = [
    pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in MODULES
    for name, value in vars(module).items()
    if hasattr(value, "__wrapped__") and value.__module__ == module.__name__
]


@pytest.mark.parametrize("check_it", EXERCISES)
def test_the_dots_are_no_answer(capsys, check_it):
    """A stub that was left as it is, or one of its answers, gets told so."""
    count = len(inspect.signature(check_it).parameters)
    for place in range(count):
        answer = [1] * place + [...] + [1] * (count - place - 1)
        assert "Not answered yet" in said(capsys, check_it, *answer)


def test_a_check_never_raises(capsys):
    """What an answer raises is printed, with its name."""

    @check.exercise
    def inverse(answer):
        return f"{1 / answer} is not 1." if answer != 1 else None

    assert said(capsys, inverse, 1) == "Right.\n"
    assert said(capsys, inverse, 2) == "Not yet: 0.5 is not 1.\n"
    assert "(ZeroDivisionError: division by zero)" in said(capsys, inverse, 0)
    assert "(TypeError: unsupported" in said(capsys, inverse, "1")
