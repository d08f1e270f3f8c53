"""Split a person's text into the few kinds of words an expression may hold.

What is refused here never reaches a parser: keywords, attribute access, braces, backslashes, names outside
the tree and the function table, characters that look like others. Branch names become placeholders, so a
branch may be called ``lambda`` or ``Jet.PT`` (or anything at all between backticks).
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from hepnb.errors import ExpressionError, nearest
from hepnb.events.language.four_vectors import ATTRIBUTES, MAKERS
from hepnb.events.language.functions import FUNCTIONS, MEANT
from hepnb.events.language.p4_branches import coordinates, missing
from hepnb.events.language.source_map import TokenizedExpression, point_at

__all__ = ["CONSTANTS", "RESERVED", "tokenize"]

MAX_LENGTH = 10_000
MAX_WORDS = 4_000
MAX_BRACKETS = 100
_MAX_DIGITS = 40
_MAX_SIGNS = 20
_LONGEST_NAME = 1000

CONSTANTS = {"pi": math.pi, "nan": math.nan, "inf": math.inf, "True": True, "False": False}
_WORD_OPERATORS = {"and", "or", "not"}
_REFUSED_WORDS = (set(keyword.kwlist) | set(keyword.softkwlist) - {"_"}) - _WORD_OPERATORS - {"True", "False"}
RESERVED = {*FUNCTIONS, *CONSTANTS, *_REFUSED_WORDS, *_WORD_OPERATORS}
"""What no column may be called, because an expression could not tell it from the language."""

_LANGUAGE = "Write cuts and formulas with branches, numbers, operators and functions such as sqrt(x)."

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"(?:\.\w+)+")
_ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
_QUOTED_NAME = re.compile(r"\s*\(\s*['\"]([A-Za-z]\w{0,40})['\"]\s*\)")
# What p4(Muon) and p4(Muon, mass=0) begin with.
_ONE_NAME = re.compile(r"\s*\(\s*(?:`([^`\n]+)`|([^\W\d][\w.]*))(?=\s*(?:\)|,\s*[^\W\d]\w*\s*=(?!=)))")
_KEYWORD = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)")
_BRACKETS = re.compile(r"[()\[\],]")
_STRING = re.compile(r"'[^'\\\n]*'|\"[^\"\\\n]*\"")
_QUOTED = re.compile(r"`([^`\n]+)`")
_SYMBOL = re.compile(r"\*\*|//|<=|>=|==|!=|[-+*/%<>&|~()\[\],:]")
_FOREIGN = {
    "&&": "'&&' is not an operator here: write '&' or 'and'",
    "||": "'||' is not an operator here: write '|' or 'or'",
    ":=": "assignment ':='",
    "<<": "shift '<<'",
    ">>": "shift '>>'",
    "::": "'::' is not an operator here: there are TMath::Sqrt, Abs, Power, Min, Max and others",
    "->": "'->' is not an operator here",
    "!": "'!' before something that goes on: write not (a == b), or (not a) == b",
    "=": "assignment '=': write '==' to compare",
    "^": "'^' is not an operator here: write '**' for a power",
    ";": "a second statement ';'",
    "@": "operator '@'",
    "{": "brace '{'",
    "}": "brace '}'",
    "\\": "a backslash",
    "?": "'?' is not an operator here: write where(condition, yes, no)",
    "$": "'$' is not an operator here: of ROOT's there are Sum$, Min$, Max$ and Length$ of a list",
    "#": "a comment '#'",
    "'": "a string that does not end",
    '"': "a string that does not end",
    "`": "a backtick without its partner",
}


def tokenize(
    text: str, names: Collection[str], columns: Mapping[str, Any] | None = None
) -> TokenizedExpression:
    """Split a text into words, each of them allowed.

    Parameters
    ----------
    text : str
        A cut or a formula.
    names : collection of str
        The branches there are.
    columns : mapping of str to Kind or None, optional
        The derived columns there are; None where it is one of numbers.

    Returns
    -------
    TokenizedExpression
        Safe to parse.

    Raises
    ------
    ExpressionError
        At the first word that is not in the language.

    Examples
    --------
    >>> tokenize("sqrt(Jet.PT) > 3", {"Jet.PT"}).code
    'sqrt ( _b0 ) > 3'
    """
    if not isinstance(text, str):
        raise ExpressionError(f"an expression is a text, not {type(text).__name__} {text!r:.60}.")
    text = str.__str__(text)  # a subclass could say anything of itself
    if not text.strip():
        raise ExpressionError("the expression is empty. Write a branch name or a formula.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text):,} characters, at most {MAX_LENGTH:,} are read."
        )
    return _Splitter(text, names, columns or {}).run()


class _Splitter:
    """The state of one pass over the text."""

    def __init__(self, text: str, names: Collection[str], columns: Mapping[str, Any]) -> None:
        self.text = text
        self.names = names
        self.columns = columns
        self.words: list[tuple[str, int]] = []
        self.placeholders: dict[str, str] = {}
        self.strings: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}
        self.vectors: set[str] = set()
        self.openers: list[str] = []
        self.signs = 0
        self.no_branch: tuple[int, str] | None = None
        self.no_particle: tuple[int, str] | None = None

    def fault(self, position: int, what: str) -> ExpressionError:
        return ExpressionError(point_at(self.text, position, what))

    def run(self) -> TokenizedExpression:
        position = 0
        while position < len(self.text):
            space = _SPACE.match(self.text, position)
            position = space.end() if space else self.word(position)
            if len(self.words) > MAX_WORDS:
                raise ExpressionError(f"the expression has more than {MAX_WORDS:,} words.")
        code: list[str] = []
        positions: list[int] = []
        for word, start in self.words:
            code.append(word)
            positions.extend([start] * (len(word) + 1))
        positions.append(len(self.text))
        branches = {placeholder: name for name, placeholder in self.placeholders.items()}
        unknown = self.unknown()
        return TokenizedExpression(
            self.text,
            " ".join(code),
            branches,
            self.strings,
            tuple(positions),
            unknown,
            self.columns,
            self.prefixes,
            {},
            self.names,
        )

    def unknown(self) -> str:
        """What to say of the first name there is not; the nearest ones are looked for once, being slow."""
        faults = []
        if self.no_branch is not None:
            position, name = self.no_branch
            shown = name if len(name) <= 60 else name[:57] + "..."
            near = nearest(name[:200], [*self.names, *self.columns])
            if coordinates(name, self.names):
                near = f"Did you mean the particle, p4({name})?"
            faults.append(
                (position, f"there is no branch{' or column' if self.columns else ''} {shown!r}. {near}")
            )
        if self.no_particle is not None:
            faults.append((self.no_particle[0], missing(self.no_particle[1], self.names)))
        return point_at(self.text, *min(faults)) if faults else ""

    def word(self, start: int) -> int:
        """Read one word; give the position after it."""
        text = self.text
        if number := _NUMBER.match(text, start):
            return self.number(number)
        if name := _NAME.match(text, start):
            return self.name(name)
        if quoted := _QUOTED.match(text, start):
            return self.branch(quoted.group(1), start, quoted.end())
        if string := _STRING.match(text, start):
            placeholder = f"_s{len(self.strings)}"
            self.strings[placeholder] = string.group()[1:-1]
            self.words.append((placeholder, start))
            return string.end()
        if (two := text[start : start + 2]) in _FOREIGN and len(two) == 2:
            raise self.fault(start, _FOREIGN[two])
        if symbol := _SYMBOL.match(text, start):
            return self.symbol(symbol)
        if text[start] in _FOREIGN:
            raise self.fault(start, _FOREIGN[text[start]])
        if text[start] == ".":
            return self.attribute(start)
        raise self.fault(start, f"character {_spell(text[start])}")

    def attribute(self, start: int) -> int:
        """Read what follows the dot of a four-vector; whether it is one is checked on the syntax tree."""
        match = _ATTRIBUTE.match(self.text, start)
        before = self.words[-1][0] if self.words else ""
        attribute_before = len(self.words) > 1 and self.words[-2][0] == "."
        if match is None or not (before in (")", "]") or before in self.vectors or attribute_before):
            raise self.fault(start, f"attribute access {self.text[start : start + 20]!r}")
        name = match.group(1)
        shown = name if len(name) <= 40 else name[:37] + "..."
        if not name.isascii():
            raise self.fault(start, f"attribute access '.{shown}', which has the character {_odd(name)}")
        if name.startswith("_") or keyword.iskeyword(name) or len(name) > 100:
            raise self.fault(start, f"attribute access '.{shown}', which objects do not have")
        self.words += [(".", start), (match.group(1), match.start(1))]
        return match.end()

    def symbol(self, match: re.Match[str]) -> int:
        symbol = match.group()
        if symbol in "([":
            self.opened(symbol, match.start())
        elif symbol in ")]" and self.openers:
            self.openers.pop()
        self.count_signs(symbol, match.start())
        self.words.append((symbol, match.start()))
        return match.end()

    def opened(self, symbol: str, start: int) -> None:
        """Keep in mind what stands before a bracket: only functions of four-vectors take keywords."""
        self.openers.append(self.words[-1][0] if self.words and symbol == "(" else "")
        if len(self.openers) > MAX_BRACKETS:
            raise self.fault(start, f"more than {MAX_BRACKETS} brackets inside each other")

    def count_signs(self, symbol: str, start: int) -> None:
        # A parser recurses at every sign: a run of ten thousand would use up its stack.
        self.signs = self.signs + 1 if symbol in ("-", "+", "~", "not") else 0
        if self.signs > _MAX_SIGNS:
            raise self.fault(start, f"more than {_MAX_SIGNS} signs in a row")

    def number(self, match: re.Match[str]) -> int:
        word, end = match.group(), match.end()
        after = self.text[end : end + 1]
        if after.isalnum() or after in ("_", "."):
            tail = re.match(r"[\w.]*", self.text[end:])
            found = word + (tail.group() if tail else "")
            if found in self.names:
                return self.branch(found, match.start(), match.start() + len(found))
            raise self.fault(match.start(), f"{found[:40]!r} is neither a number nor a name")
        if len(word) > _MAX_DIGITS:
            raise self.fault(match.start(), f"a number of {len(word)} characters")
        whole = word[:2] in ("0x", "0X") or word.isdigit()
        if whole and int(word, 16 if word[:2] in ("0x", "0X") else 10) >= 2**63:
            raise self.fault(
                match.start(), f"the whole number {word} does not fit into 64 bits: write it with an exponent"
            )
        if not whole and float(word) == float("inf"):
            raise self.fault(match.start(), f"the number {word} is too large")
        self.signs = 0
        self.words.append((word, match.start()))
        return end

    def name(self, match: re.Match[str]) -> int:
        name, start, end = match.group(), match.start(), match.end()
        called = self.text[end:].lstrip()[:1] == "("
        if self.openers and self.openers[-1] in MAKERS and self.words[-1][0] == ",":
            assigned = _KEYWORD.match(self.text, start)
            if assigned is not None:
                return self.keyword(assigned)
        if (dotted := _DOTTED.match(self.text, end)) is not None:
            return self.dotted(name, (name + dotted.group())[:_LONGEST_NAME], start)
        if called and name == "p4" and (quoted := _QUOTED_NAME.match(self.text, end)) is not None:
            raise self.fault(start, f"a text in p4(...): write p4({quoted.group(1)}), without quotes")
        if called and name == "p4" and (one := _ONE_NAME.match(self.text, end)) is not None:
            return self.particle(one.group(1) or one.group(2), start, one)
        if called and name in FUNCTIONS:
            self.signs = 0
            self.words.append((name, start))
            return end
        if self.text[end : end + 1] in ("'", '"'):
            raise self.fault(start, f"a string with the prefix {name!r} (an f-string or the like)")
        known = name in self.names or name in self.columns
        if known and not (called and name not in _WORD_OPERATORS):
            return self.branch(name, start, end)
        if name in _WORD_OPERATORS or (name in CONSTANTS and not called):
            self.count_signs(name, start)
            self.words.append((name, start))
            return end
        self.check_unknown(name, start, called)
        return self.branch(name, start, end)

    def dotted(self, name: str, full: str, start: int) -> int:
        """Read the longest name with dots that is a branch, or a column of four-vectors before the dot."""
        known = full
        while "." in known:
            if known in self.names:
                return self.branch(known, start, start + len(known))
            known = known.rpartition(".")[0]
        if self.columns.get(name):
            return self.branch(name, start, start + len(name))
        what = f"attribute access {full[:60]!r}."
        attribute = full[len(name) + 1 :]
        if (plain := full.replace(".", "_")) in self.names:
            raise self.fault(start, f"{what} Did you mean {plain!r}?")
        if attribute in ATTRIBUTES and coordinates(name, self.names):
            raise self.fault(start, f"{what} Did you mean p4({name}).{attribute}?")
        if attribute in ATTRIBUTES and (name in self.names or name in self.columns):
            raise self.fault(
                start, f"{what} Only four-vectors have .{attribute}, such as p4(Muon).{attribute}"
            )
        others = [other for other in self.names if "." in other]
        hint = f"If it is a branch: {nearest(full[:200], others)}" if others else _LANGUAGE
        raise self.fault(start, f"{what} {hint}")

    def particle(self, prefix: str, start: int, one: re.Match[str]) -> int:
        """Read p4(Muon) as a call with the four branches of it."""
        if prefix in self.columns:
            hint = "it is four-vectors already" if self.columns[prefix] else "it is a column"
            raise self.fault(start, f"p4({prefix[:60]}): {hint}, and p4(...) takes what branches begin with")
        given = self.keywords.get(self.text.index("(", one.start()), set())
        found = coordinates(prefix, self.names)
        if found is None and given:
            more = {f"{prefix}{separator}{name}" for separator in ("_", ".", "") for name in given}
            found = coordinates(prefix, {*(n for n in self.names if n.startswith(prefix)), *more})
        if found is None:
            if one.group(1) is None:
                for part in prefix.split("."):
                    self.check_unknown(part, one.start(2), called=False)
            self.no_particle = self.no_particle or (start, prefix)
        maker, parts = found or ("p4", ())
        self.signs = 0
        inside = one.start(1) if one.group(1) else one.start(2)
        self.words.append((maker, start))
        self.opened("(", start)
        self.words.append(("(", inside))
        for coordinate, part in zip(MAKERS[maker], parts or ("",) * 4, strict=True):
            replaced = part not in self.names or coordinate in given
            self.words += [("0" if replaced else self.placeholder(part), inside), (",", inside)]
        known = {found: placeholder for placeholder, found in self.prefixes.items()}
        placeholder = known.get(prefix, f"_o{len(self.prefixes)}")
        self.prefixes[placeholder] = prefix
        self.words.append((placeholder, inside))
        return one.end()

    @cached_property
    def keywords(self) -> dict[int, set[str]]:
        """What is given by keyword in the brackets that begin at a position, by its name in ``vector``."""
        found: dict[int, set[str]] = {}
        inside: list[int] = []
        for symbol in _BRACKETS.finditer(self.text):
            if symbol.group() in "([":
                inside.append(symbol.start())
            elif symbol.group() in ")]":
                del inside[-1:]
            elif inside and (given := _KEYWORD.match(self.text, symbol.end())) is not None:
                name = given.group(1)
                found.setdefault(inside[-1], set()).add(ATTRIBUTES.get(name, name))
        return found

    def keyword(self, match: re.Match[str]) -> int:
        """Read the name of what is given by keyword."""
        name = match.group(1)
        if not name.isascii() or name.startswith("_") or keyword.iskeyword(name) or len(name) > 100:
            raise self.fault(match.start(1), f"{name[:40]!r} cannot be the name of a column of four-vectors")
        self.signs = 0
        self.words += [(name, match.start(1)), ("=", match.end() - 1)]
        return match.end()

    def branch(self, name: str, start: int, end: int) -> int:
        if name not in self.names and name not in self.columns:
            self.no_branch = self.no_branch or (start, name)
        placeholder = self.placeholder(name)
        if self.columns.get(name):
            self.vectors.add(placeholder)
        self.signs = 0
        self.words.append((placeholder, start))
        return end

    def placeholder(self, name: str) -> str:
        return self.placeholders.setdefault(name, f"_b{len(self.placeholders)}")

    def check_unknown(self, name: str, start: int, called: bool) -> None:
        shown = name if len(name) <= 60 else name[:57] + "..."
        if not name.isascii():
            kind = "call of" if called else "name"
            raise self.fault(start, f"{kind} {shown!r} with the character {_odd(name)}")
        if name in ("for", "if", "else"):
            hint = "a comprehension" if name == "for" else "a conditional: write where(condition, yes, no)"
            raise self.fault(start, f"{name!r} ({hint}). {_LANGUAGE}")
        if name in _REFUSED_WORDS and not (called and name in ("match", "case", "type")):
            raise self.fault(start, f"{name!r} is a word of Python that is not in the language. {_LANGUAGE}")
        if name.startswith("__"):
            what = f"{'call of ' if called else ''}{shown!r}, a private name of Python"
            raise self.fault(start, f"{what}. {_LANGUAGE}")
        if called:
            meant = f"Did you mean {MEANT[name]}?" if name in MEANT else nearest(name[:200], FUNCTIONS)
            raise self.fault(start, f"call of {shown!r}, which is not in the function table. {meant}")
        if name in FUNCTIONS:
            raise self.fault(start, f"{name!r} is a function: write {name}(...)")


def _odd(name: str) -> str:
    return _spell(next(character for character in name if not character.isascii()))


def _spell(character: str) -> str:
    return f"{character!r} ({unicodedata.name(character, f'U+{ord(character):04X}')})"
