"""Several expressions evaluated together, block by block: what they have in common is calculated once.

The expressions become one list of steps. A step over numbers in double precision is one numpy function that
writes into a buffer which is used again: allocating the intermediate results would take longer than
calculating them. Every other step is left to :mod:`hepnb.events.language.evaluator`, with its parts already
known, so that the values are the same to the last bit.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.events.language import combinations
from hepnb.events.language.combinations import TooManyAtOnce
from hepnb.events.language.evaluator import _Walk, is_text
from hepnb.events.language.expression import Expression
from hepnb.events.language.functions import FUNCTIONS
from hepnb.events.language.nesting import plain
from hepnb.events.language.operators import COMPARISONS, OPERATORS, widened
from hepnb.events.language.pieces import in_pieces
from hepnb.events.language.source_map import TokenizedExpression
from hepnb.events.language.whitelist import prefix_of

__all__ = ["Program"]

# What these do besides is for whole numbers.
_OF_DOUBLES = {
    "abs": np.absolute,
    "fabs": np.absolute,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
}
_DOUBLE = np.dtype(np.float64)
_BOOL = np.dtype(np.bool_)
_TESTS = (np.isnan, np.isfinite)


class Program:
    """Expressions that are evaluated together; one thread at a time.

    Parameters
    ----------
    expressions : sequence of Expression
        What to evaluate.

    Examples
    --------
    >>> from hepnb.events import check_expression
    >>> texts = ["sqrt(x**2 + y**2)", "sqrt(x**2 + y**2) > 1"]
    >>> program = Program([check_expression(text, ["x", "y"]) for text in texts])
    >>> program.run({"x": np.array([0.0, 3.0]), "y": np.array([1.0, 4.0])}, 2)
    [array([1., 5.]), array([False,  True])]
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self.expressions = tuple(expressions)
        self._steps: list[_Step] = []
        self._known: dict[Hashable, int] = {}
        self._places: dict[int, int] = {}
        self._derived: dict[Expression, int] = {}
        self._outputs = [self._place_all(expression) for expression in self.expressions]
        self._uses = [0] * len(self._steps)
        for place in (*self._outputs, *(part for step in self._steps for part in step.parts)):
            self._uses[place] += 1
        # With combinations fewer entries may be taken at once.
        self._entries = 2**62
        self._pool: dict[np.dtype[Any], list[NDArray[Any]]] = {_DOUBLE: [], _BOOL: []}

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def n_buffers(self) -> int:
        """So many intermediate results are in memory at a time."""
        left, alive, most = self._uses.copy(), 0, 0
        for step in self._steps:
            alive += bool(step.parts)
            most = max(most, alive)
            for part in step.parts:
                left[part] -= 1
                alive -= bool(self._steps[part].parts) and not left[part] and step.function is not None
        return most

    def run(self, columns: Mapping[str, Any], n: int) -> list[Any]:
        """Evaluate on one block of entries.

        Parameters
        ----------
        columns : mapping of str to array
            The branches, `n` entries each.
        n : int
            Entries in the block.

        Returns
        -------
        list
            One value per expression, as :meth:`Expression.lists` gives it. They are valid until the next
            block, and must not be changed.

        Raises
        ------
        BranchError, ExpressionError
            Where the columns do not fit an expression.
        """
        if n > self._entries:
            return self._in_pieces(columns, n, TooManyAtOnce(combinations.MAX_AT_ONCE * n / self._entries))
        try:
            return self._run(columns, n)
        except TooManyAtOnce as many:
            # The next blocks are like this one: they are taken in pieces from the start.
            self._entries = max(1, int(n * combinations.MAX_AT_ONCE / (2 * many.number)))
            return self._in_pieces(columns, n, many)

    def _in_pieces(self, columns: Mapping[str, Any], n: int, many: TooManyAtOnce) -> list[Any]:
        used = {name: columns[name] for expression in self.expressions for name in expression.branches}
        found: list[Any] = in_pieces(self.run, used, n, many)
        return found

    def _run(self, columns: Mapping[str, Any], n: int) -> list[Any]:
        block = _Block(self._steps, self._uses.copy(), self._places, self._pool, columns, n)
        try:
            with np.errstate(all="ignore"):
                for place, step in enumerate(self._steps):
                    if step.name is not None:
                        block.values[place] = widened(columns[step.name])
                    elif step.constant is not None:
                        block.values[place] = step.constant
                    else:
                        block.do(place, step)
        except TooManyAtOnce:
            raise
        except Exception:  # noqa: BLE001  # one by one they say what is wrong, in words for one expression
            return [expression.lists(columns) for expression in self.expressions]
        finally:
            block.end()
        found = [plain(block.values[place]) for place in self._outputs]
        for number, value in enumerate(found):
            if isinstance(value, str) or is_text(value):
                found[number] = self.expressions[number].lists(columns)
        return found

    def _place_all(self, expression: Expression) -> int:
        # Each derived column comes after those it needs: a chain of a thousand is no deep recursion.
        for needed in (*expression._needs.values(), expression):
            if needed not in self._derived:
                self._derived[needed] = self._place(needed._body, needed)
        return self._derived[expression]

    def _place(self, node: Any, of: Expression) -> int:
        name = of._words.branches.get(node.id) if isinstance(node, ast.Name) else None
        if name is not None and name in of._needs:
            place = self._derived[of._needs[name]]
        else:
            parts = tuple(self._place(part, of) for part in _parts(node))
            key = _key(node, of._words, parts)
            place = self._known.setdefault(key, len(self._steps))
            if place == len(self._steps):
                self._steps.append(_Step(node, of._words, parts))
        self._places[id(node)] = place
        return place


class _Step:
    """One node of the syntax trees: what it is calculated from, and the numpy function if one will do."""

    __slots__ = ("constant", "function", "name", "node", "parts", "result", "squares", "takes", "words")

    def __init__(self, node: Any, words: TokenizedExpression, parts: tuple[int, ...]) -> None:
        self.node, self.words, self.parts = node, words, parts
        self.name = words.branches.get(node.id) if isinstance(node, ast.Name) else None
        self.constant = node.value if isinstance(node, ast.Constant) else None
        self.function, self.takes, self.result = _ufunc(node)
        self.squares = self.function is np.power


class _Block:
    """One run of the steps over one block of entries."""

    def __init__(
        self,
        steps: Sequence[_Step],
        left: list[int],
        places: dict[int, int],
        pool: dict[np.dtype[Any], list[NDArray[Any]]],
        columns: Mapping[str, Any],
        n: int,
    ) -> None:
        self.steps, self.left, self.places, self.pool = steps, left, places, pool
        self.columns, self.n = columns, n
        self.values: list[Any] = [None] * len(steps)
        self.owned: list[NDArray[Any] | None] = [None] * len(steps)

    def do(self, place: int, step: _Step) -> None:
        parts = [self.values[part] for part in step.parts]
        for part in step.parts:
            self.left[part] -= 1
        function = step.function
        if function is None or not _fits(parts, step.takes, self.n):
            self.values[place] = _Given(step.words, self).step(step.node)
            return
        if step.squares and not isinstance(parts[1], np.ndarray) and parts[1] == 2:
            function, parts = np.multiply, [parts[0], parts[0]]
        buffer = self.owned[place] = self.buffer(step)
        self.values[place] = function(*parts, out=buffer[: self.n])
        for part in step.parts:
            old = self.owned[part]
            if old is not None and not self.left[part]:
                self.owned[part] = self.values[part] = None
                if old is not buffer:
                    self.pool[old.dtype].append(old)

    def given(self, node: Any) -> Any:
        """Give the value of a node if it is known."""
        place = self.places.get(id(node))
        if place is None or self.values[place] is None:
            return None
        # What is made of it may be a view of it: its buffer is not to be used again in this block.
        self.left[place] += len(self.steps)
        return self.values[place]

    def buffer(self, step: _Step) -> NDArray[Any]:
        for part in step.parts:
            old = self.owned[part]
            if old is not None and not self.left[part] and old.dtype == step.result:
                return old
        pool = self.pool[step.result]
        while pool:
            old = pool.pop()
            if old.size >= self.n:
                return old
        return np.empty(self.n, step.result)

    def end(self) -> None:
        for buffer in self.owned:
            if buffer is not None:
                self.pool[buffer.dtype].append(buffer)


class _Given(_Walk):
    """The walk over one node whose parts are known."""

    def __init__(self, words: TokenizedExpression, block: _Block) -> None:
        super().__init__(words, block.columns)
        self._block = block

    def calculated(self, node: Any) -> Any:
        found = self._block.given(node)
        return super().calculated(node) if found is None else found

    def step(self, node: Any) -> Any:
        return super().calculated(node)


def _fits(parts: Sequence[Any], wanted: np.dtype[Any], n: int) -> bool:
    """Whether the parts are one number per entry of the type wanted, or, beside such ones, constants."""
    arrays = 0
    for part in parts:
        if isinstance(part, np.ndarray):
            if part.dtype != wanted or part.shape != (n,):
                return False
            arrays += 1
        elif wanted == _BOOL or type(part) not in (int, float):
            return False
    return arrays > 0


def _ufunc(node: Any) -> tuple[Any, np.dtype[Any], np.dtype[Any]]:
    """Give the function that does a node for numbers in double precision, what it takes and what it gives."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            return np.logical_and if isinstance(node.op, ast.BitAnd) else np.logical_or, _BOOL, _BOOL
        return OPERATORS[type(node.op)], _DOUBLE, _DOUBLE
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return COMPARISONS[type(node.ops[0])], _DOUBLE, _BOOL
    if isinstance(node, ast.BoolOp) and len(node.values) == 2:
        return np.logical_and if isinstance(node.op, ast.And) else np.logical_or, _BOOL, _BOOL
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.Not, ast.Invert)):
            return np.logical_not, _BOOL, _BOOL
        return (np.negative if isinstance(node.op, ast.USub) else None), _DOUBLE, _DOUBLE
    if isinstance(node, ast.Call):
        call = _OF_DOUBLES.get(node.func.id, FUNCTIONS[node.func.id].call)  # type: ignore[attr-defined]
        if isinstance(call, np.ufunc):
            return call, _DOUBLE, _BOOL if call in _TESTS else _DOUBLE
    return None, _DOUBLE, _DOUBLE


def _parts(node: Any) -> list[Any]:
    """Nodes that are calculated before a node."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call):
        given = [argument for argument in node.args if not _is_prefix(argument)]
        return [*given, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.Subscript):
        return [node.value] if isinstance(node.slice, (ast.Tuple, ast.Slice)) else [node.value, node.slice]
    return []


def _is_prefix(node: Any) -> bool:
    """Tell whether an argument says what the branches of a particle begin with."""
    return isinstance(node, ast.Name) and node.id.startswith("_o")


def _key(node: Any, words: TokenizedExpression, parts: tuple[int, ...]) -> Hashable:
    """Tell a node by what it says and what it is made of, whatever its branches are called inside."""
    if isinstance(node, ast.Name):
        branch = words.branches.get(node.id)
        return ("branch", branch) if branch is not None else ("word", words.strings.get(node.id, node.id))
    if isinstance(node, ast.Constant):
        return type(node.value), repr(node.value)
    said: tuple[Any, ...] = ()
    if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp)):
        said = (type(node.op),)
    elif isinstance(node, ast.Compare):
        said = tuple(type(op) for op in node.ops)
    elif isinstance(node, ast.Call):
        keywords = tuple(keyword.arg for keyword in node.keywords)
        said = (node.func.id, prefix_of(node, words), *keywords)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Attribute):
        said = (node.attr,)
    elif isinstance(node, ast.Subscript) and len(parts) == 1:
        said = (ast.dump(node.slice),)
    return type(node), said, parts
