"""Values become literals that give the values back, and nothing that is a value becomes anything else."""

from __future__ import annotations

import enum
import keyword
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import HepnbError
from hepnb.python_code import Code, Script, call, comment, identifier, literal, pretty

texts = st.one_of(st.text(), st.text("'\"\\\n\r%{}#()\u2028\x00\ud800 x"))
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts)
values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner) | st.tuples(inner, inner)
)


@given(values, st.integers(1, 60))
def test_a_literal_gives_the_value_back(value: Any, width: int) -> None:
    assert eval(literal(value)) == value
    assert literal(value).isprintable()
    assert eval(pretty(value, width=width)) == value


@given(st.lists(texts), st.dictionaries(st.sampled_from("abc"), texts))
def test_arguments_stay_arguments(given: list[str], named: dict[str, str]) -> None:
    scope = {"f": lambda *positional, **keywords: (list(positional), keywords)}
    assert eval(call("f", *given, **named), scope) == (given, named)


@given(texts)
def test_a_comment_is_no_code(text: str) -> None:
    scope: dict[str, Any] = {}
    exec(compile(comment(f"{text}\nraise SystemExit\r{text}"), "comment", "exec"), scope)
    assert scope.keys() == {"__builtins__"}


@given(texts, st.sets(st.sampled_from(["x", "value", "value_x", "a_b"])))
def test_a_variable_has_a_name_that_is_free(text: str, taken: set[str]) -> None:
    name = identifier(text, taken)
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert name not in taken


class Color(enum.StrEnum):
    RED = "r'ed"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("it's"), "it's"),
        (np.array([[1.0, 2.0]]), [[1.0, 2.0]]),
        (PurePosixPath("a/it's.root"), "a/it's.root"),
        (Color.RED, "r'ed"),
        (float("-inf"), float("-inf")),
        ((1,), (1,)),
        (frozenset({"b", "a"}), {"a", "b"}),
        (set(), set()),
        (10**5000, 10**5000),
        (1 - 2j, 1 - 2j),
        (b"\x00'", b"\x00'"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_types_of_numpy_and_others_become_those_of_python(value: Any, wanted: Any) -> None:
    found = eval(literal(value), {"__builtins__": {"float": float, "complex": complex, "set": set}})
    assert found == wanted
    assert type(found) is type(wanted)


def test_nan_is_written_and_what_has_no_literal_is_refused() -> None:
    assert np.isnan(eval(literal(np.float32("nan"))))
    with pytest.raises(HepnbError, match="object"):
        literal([object()])


def test_code_is_kept_and_text_made_of_it_is_not() -> None:
    name = Code("model")
    assert literal(name) == "model"
    assert literal(name + ".x") == "'model.x'"


def test_a_script_imports_once_and_in_order() -> None:
    script, other = Script("import hepnb"), Script("import hepnb", "import numpy as np")
    script.add("a = 1")
    other.add("b = 2", "c = 3")
    script.include(other)
    assert script.text == "import numpy as np\nimport hepnb\n\na = 1\n\nb = 2\nc = 3"
    assert script.lines == ("a = 1", "b = 2", "c = 3")
