"""What users of TTree::Draw type, in the spelling of this language: ``&&``, ``TMath::Sqrt``, ``y:x``.

Only what has one meaning is taken; anything else is left as it is, and refused where it is read. An
expression keeps the new spelling, so that a person sees what was understood.
"""

from __future__ import annotations

import re

__all__ = ["axes_of", "in_our_spelling"]

_TMATH = {
    "Sqrt": "sqrt",
    "Power": "pow",
    "Exp": "exp",
    "Log": "log",
    "Log2": "log2",
    "Log10": "log10",
    "Abs": "abs",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "ASin": "asin",
    "ACos": "acos",
    "ATan": "atan",
    "ATan2": "atan2",
    "SinH": "sinh",
    "CosH": "cosh",
    "TanH": "tanh",
    "ASinH": "arcsinh",
    "ACosH": "arccosh",
    "ATanH": "arctanh",
    "Hypot": "hypot",
    "Floor": "floor",
    "Ceil": "ceil",
    "Nint": "round",
    "Min": "min",
    "Max": "max",
    "IsNaN": "isnan",
    "Finite": "isfinite",
}
_STD = {"sqrt", "pow", "exp", "log", "log10", "abs", "fabs", "sin", "cos", "tan", "hypot", "floor", "ceil"}
_OF_LISTS = {"Sum$": "sum", "Min$": "min", "Max$": "max", "Length$": "length"}
_FOUND = re.compile(
    r"""(?P<quoted>'[^'\n]*'|"[^"\n]*"|`[^`\n]*`)
    |(?P<and>&&)|(?P<or>\|\|)
    |(?P<not>!(?!=))
    |(?P<pi>TMath::Pi\(\s*\))
    |(?P<entry>\bEntry\$)(?!\w)
    |TMath::(?P<tmath>\w+)(?=\s*\()
    |std::(?P<std>\w+)(?=\s*\()
    |\b(?P<of_lists>(?:Sum|Min|Max|Length)\$)(?=\s*\()""",
    re.VERBOSE,
)
_MARKS = ("&&", "||", "!", "::", "$")
_BEFORE_NOT = re.compile(r"(?:^|[(\[,]|&&|\|\||\band|\bor)\s*(?:!\s*)*$")
_AFTER_NOT = re.compile(r"\s*(?:$|[)\],]|&&|\|\||and\b|or\b)")
_NAME = re.compile(r"\s*(?:!\s*)*(?:`[^`\n]*`|(?:(?:TMath|std)::)?[^\W\d][\w.]*\$?|(?=\())")
_LONGEST = 10_000
_MOST_NOTS = 100


def in_our_spelling(text: str) -> str:
    """Write an expression in the spelling of this language.

    Parameters
    ----------
    text : str
        As in TTree::Draw, or in our spelling already.

    Returns
    -------
    str
        What is not understood stays as it is.

    Examples
    --------
    >>> in_our_spelling("!isBad && TMath::Abs(eta) < 2.4 || Sum$(Jet_pt > 30) > 2")
    'not isBad and abs(eta) < 2.4 or sum(Jet_pt > 30) > 2'
    >>> in_our_spelling("!a == b")
    '!a == b'
    """
    if len(text) > _LONGEST or not any(mark in text for mark in _MARKS):
        return text
    if text.count("!") > _MOST_NOTS:
        return text
    return _FOUND.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    kind, word = str(match.lastgroup), match.group()
    if kind in ("and", "or"):
        return f"{_gap(match, before=True)}{kind}{_gap(match, before=False)}"
    if kind == "not":
        return "not " if _is_alone(match.string, match.start(), match.end()) else word
    if kind in ("pi", "entry"):
        return "pi" if kind == "pi" else "entry_number"
    if kind == "tmath":
        return _TMATH.get(match.group("tmath"), word)
    if kind == "std":
        return match.group("std") if match.group("std") in _STD else word
    return _OF_LISTS[word] if kind == "of_lists" else word


def _gap(match: re.Match[str], before: bool) -> str:
    """A space where a word would run into its neighbor."""
    place = match.start() - 1 if before else match.end()
    return "" if match.string[place : place + 1].isspace() else " "


def _is_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a ``not`` would negate the same as a ``!``, which binds more tightly."""
    if _BEFORE_NOT.search(text, 0, start) is None:
        return False
    name = _NAME.match(text, end)
    if name is None:
        return False
    position = name.end()
    while text[position : position + 1] in ("(", "["):
        position = _closing(text, position)
    return _AFTER_NOT.match(text, position) is not None


def _closing(text: str, start: int) -> int:
    """Position after the bracket that closes the one at `start`; the end where none does."""
    depth = 0
    for bracket in re.compile(r"[()\[\]]").finditer(text, start):
        depth += 1 if bracket.group() in "([" else -1
        if not depth:
            return bracket.end()
    return len(text)


def axes_of(text: str) -> tuple[str, ...]:
    """Split "y:x" into the expressions of the axes, the horizontal one first.

    Examples
    --------
    >>> axes_of("sqrt(y):x[:, 0]"), axes_of("x"), axes_of("a ? b : c")
    (('x[:, 0]', 'sqrt(y)'), ('x',), ('a ? b : c',))
    """
    if ":" not in text or "?" in text or len(text) > _LONGEST:
        return (text,)
    parts, depth, begin = [], 0, 0
    for found in re.finditer(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|::|:=|[()\[\]]|:", text):
        symbol = found.group()
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(symbol, 0)
        if symbol == ":" and not depth:
            parts.append(text[begin : found.start()])
            begin = found.end()
    parts.append(text[begin:])
    if any(not part.strip() for part in parts):
        return (text,)
    return tuple(part.strip() for part in reversed(parts))
