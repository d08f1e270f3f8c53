"""A fault in a JSON document: what is wrong, where, and the small checks that find it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hepnb.errors import nearest

__all__: list[str] = []


# No count, weight or uncertainty of an analysis is larger; ROOT writes infinity as 1e30.
LARGEST = 1e100


class Fault(Exception):
    """What is wrong; every level it passes on its way out adds where."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path: list[str] = []

    def inside(self, segment: str) -> Fault:
        self.path.insert(0, segment)
        return self

    def __str__(self) -> str:
        where = " / ".join(self.path)
        return f"{where}: {self.args[0]}" if where else str(self.args[0])


def check_entries(value: Any, required: Sequence[str], optional: Sequence[str] = (), *, what: str) -> None:
    """Check that a value is an object with these entries and no others."""
    if not isinstance(value, dict):
        raise Fault(f"{what} must be an object with {listed(required)}, this is {shown(value)}.")
    for key in required:
        if key not in value:
            extra = [str(other) for other in value if other not in required and other not in optional]
            hint = f" {nearest(key, extra)}" if extra else ""
            raise Fault(f"{what} needs an entry {key!r}, which is missing.{hint}")
    if len(value) > len(required):
        for key in value:
            if key not in required and key not in optional:
                known = [*required, *optional]
                raise Fault(
                    f"{what} has no entry {key!r}. {nearest(str(key), known)} Remove it or rename it."
                )


def check_each(items: Any, name: str, check: Callable[[Any], None], *, may_be_empty: bool = False) -> None:
    """Check a list item by item, and that no two items have the same name."""
    if not isinstance(items, list):
        raise Fault(f"{name} must be a list, this is {shown(items)}.")
    if not items and not may_be_empty:
        raise Fault(f"{name} is empty: at least one is needed.")
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        try:
            check(item)
            first = seen.setdefault(item["name"], index)
            if first != index:
                raise Fault(f"the name is already that of {name}[{first}]. Rename or merge one of them.")
        except Fault as fault:
            raise fault.inside(segment(name, index, item)) from None


def check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise Fault(f"{name} must be text, this is {shown(value)}.")


def check_numbers(values: Any, name: str, *, n: int | None = None, owner: str = "", remedy: str = "") -> None:
    """Check a list of finite numbers, and its length where it is known."""
    if not isinstance(values, list):
        raise Fault(f"{name} must be a list of numbers, this is {shown(values)}.")
    if not values:
        raise Fault(f"{name} is empty: at least one number is needed.")
    if not (set(map(type, values)) <= {int, float} and _plausible(values)):
        for index, value in enumerate(values):
            check_number(value, f"{name}[{index}]")
    if n is not None and len(values) != n:
        raise Fault(f"{name} has {counted(len(values), 'bin')}, {owner} has {n}. {remedy}")


def _plausible(values: list[float]) -> bool:
    """Return whether all numbers are finite and small enough to calculate with; quick for long lists."""
    try:
        return (
            math.isfinite(sum(values))
            and max(map(abs, values)) <= LARGEST
            and min(filter(None, map(abs, values)), default=1.0) >= 1 / LARGEST
        )
    except OverflowError:
        return False


def check_number(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault(f"{name} is {shown(value)}: it must be a number.")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise Fault(
            f"{name} is {value if isinstance(value, float) else 'too large'}: it must be a finite number. "
            "Mend it where it was filled (a weight that is NaN, a division by zero)."
        )
    if value and not 1 / LARGEST <= abs(value) <= LARGEST:
        raise Fault(
            f"{name} is {value!r:.40}: a number other than 0 must have a size between {1 / LARGEST:g} and "
            f"{LARGEST:g}. Products and squares of others are lost. Write 0, or scale it."
        )


def segment(name: str, index: int, item: Any) -> str:
    called = item.get("name") if isinstance(item, dict) else None
    return f"{name}[{index}] {called!r}" if isinstance(called, str) else f"{name}[{index}]"


def listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def counted(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def shown(value: Any) -> str:
    """Return a value and its kind in JSON's words, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return f"{text[:40]}{'...' if len(text) > 40 else ''}" + (" (text)" if isinstance(value, str) else "")
