"""What all checks have in common."""

import importlib
import inspect
import pkgutil

import dask.array as da
import numpy as np
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
    if hasattr(value, "__wrapped__") and value.__module__ == module.__name__ and name[0] != "_"
]


@pytest.mark.parametrize("check_it", EXERCISES)
def test_the_dots_are_not_an_answer(capsys, check_it):
    """A stub that was left as it is, wholly or in part, counts as not answered."""
    count = len(inspect.signature(check_it).parameters)
    for place in range(count):
        answer = [1] * place + [...] + [1] * (count - place - 1)
        assert "Not answered yet" in said(capsys, check_it, *answer)


@pytest.mark.parametrize("check_it", EXERCISES)
def test_whatever_is_given_gets_a_hint(capsys, check_it):
    """No check raises, or takes for right, what has nothing to do with its exercise."""
    count = len(inspect.signature(check_it).parameters)
    for answer in (None, "7", True, [], {}, [7], [[1], [2, 3]], object(), np.eye(2), da.ones(3)):
        assert "Not yet: " in said(capsys, check_it, *[answer] * count)


@pytest.mark.parametrize("answer", ["7", None, True, [7], (7, 8), {}, np.ones(3), 7j])
def test_a_number_is_one_number(answer):
    """Texts, truth values and lists are not numbers, and the hint names their type."""
    with pytest.raises(check.NotYetError, match=f"b: one number .* {type(answer).__name__}"):
        check.number(answer, "b")


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (7, "give the function itself"),
        (lambda one: print(one), "is there a return at its end"),
        (lambda: 7, "stops with an error .TypeError: .* Call it."),
    ],
)
def test_a_function_returns_something(function, hint):
    """A result in place of a function, no return and an exception are named."""
    with pytest.raises(check.NotYetError, match=hint):
        check.called(function, 7, hint="Call it.")


def test_a_check_never_raises(capsys):
    """What an answer raises is printed, with its name."""

    @check.exercise
    def inverse(answer):
        return 1 / answer

    assert "(ZeroDivisionError: division by zero)" in said(capsys, inverse, 0)
    assert not inverse(0, quiet=True)  # as in a solution
    assert capsys.readouterr().out == ""
