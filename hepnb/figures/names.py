"""Names of parameters, samples and channels as they are written into a picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["plain", "shorten", "shorten_all"]

_LONGEST = 26  # letters


def shorten(name: str, most: int = _LONGEST) -> str:
    """Leave out the middle of a long name: beginning and end tell names apart.

    Parameters
    ----------
    name : str
        Of any length.
    most : int
        Letters that are left.

    Returns
    -------
    str
        The name, with an ellipsis in the middle where it was too long.

    Examples
    --------
    >>> shorten("JET_GroupedNP_1_in_region_A", 14), shorten("lumi")
    ('JET_Gro…gion_A', 'lumi')
    """
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def shorten_all(names: Sequence[str], most: int = _LONGEST) -> list[str]:
    """Shorten names that are shown together, so that different names stay different.

    Parameters
    ----------
    names : sequence of str
        Of any length.
    most : int
        Letters that are left, but where names differ in more than that.

    Returns
    -------
    list of str
        For names that would be the same without their middle: that middle, with ellipses around it.

    Examples
    --------
    >>> shorten_all(["the_signal_region_1_of_all", "the_signal_region_2_of_all", "CR"], 12)
    ['…l_region_1…', '…l_region_2…', 'CR']
    """
    short = [shorten(name, most) for name in names]
    alike: dict[str, set[str]] = {}
    for name, cut in zip(names, short, strict=True):
        alike.setdefault(cut, set()).add(name)
    return [
        cut if len(alike[cut]) == 1 else _core(name, alike[cut], most)
        for name, cut in zip(names, short, strict=True)
    ]


def _core(name: str, group: Collection[str], most: int) -> str:
    """Return the part in which a name differs from others."""
    prefix = _common(list(group))
    suffix = _common([other[prefix:][::-1] for other in group])
    core = name[prefix : len(name) - suffix]
    before = max(most - 2 - len(core), 0)
    return f"…{name[max(prefix - before, 0) : prefix]}{core}…"


def _common(names: Sequence[str]) -> int:
    """Return how many letters all names begin with alike."""
    # Between the first and the last in the order of the alphabet lies every other one.
    first, last = min(names), max(names)
    alike = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return next(alike, min(len(first), len(last)))


def plain(name: str) -> str:
    r"""Return a name that matplotlib writes as it is: dollars in it do not begin mathematics.

    Examples
    --------
    >>> plain("a$b$"), plain("mu")
    ('a\\$b\\$', 'mu')
    """
    return name.replace("$", r"\$")
