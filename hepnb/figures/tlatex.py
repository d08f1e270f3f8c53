r"""Titles as ROOT's files have them, in TLatex, for matplotlib's mathtext."""

from __future__ import annotations

import functools
import re
import unicodedata

from matplotlib.mathtext import MathTextParser

__all__ = ["readable", "readable_plain"]

# Only these mark a title as TLatex: a branch such as Muon_pt, or a power x^2, is text.
_MARKS = re.compile(r"#(?:[A-Za-z]|\[|\{|\()|[_^]\{")
_WORDS = {
    "ell": "\\ell", "hbar": "\\hbar", "rightarrow": "\\rightarrow", "leftarrow": "\\leftarrow",
    "leftrightarrow": "\\leftrightarrow", "downarrow": "\\downarrow", "uparrow": "\\uparrow", "geq": "\\geq",
    "leq": "\\leq", "times": "\\times", "cdot": "\\cdot", "pm": "\\pm", "mp": "\\mp", "infty": "\\infty",
    "approx": "\\approx", "neq": "\\neq", "sum": "\\sum", "int": "\\int", "circ": "\\circ", "deg": "\\degree",
    "prime": "^\\prime", "in": "\\in", "perp": "\\perp", "parallel": "\\parallel", "partial": "\\partial",
    "propto": "\\propto", "equiv": "\\equiv", "cup": "\\cup", "cap": "\\cap", "subset": "\\subset",
    "frac": "\\frac", "odot": "\\odot",
    "oplus": "\\oplus", "otimes": "\\otimes", "Rightarrow": "\\Rightarrow", "bullet": "\\bullet",
    "varepsilon": "\\varepsilon", "vartheta": "\\vartheta", "varphi": "\\varphi", "varsigma": "\\varsigma",
}  # fmt: skip


def _greek(name: str) -> str:
    return "LAMDA" if name.lower() == "lambda" else name.upper()


_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta",
    "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
)  # fmt: skip
_WORDS |= {name: f"\\{name}" for name in _GREEK}
# Capitals that look as in the Latin alphabet have no command.
_WORDS |= {
    "Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K", "Mu": "M",
    "Nu": "N", "Omicron": "O", "omicron": "o", "Rho": "P", "Tau": "T", "Chi": "X",
}  # fmt: skip
_ACCENTS = {
    "bar": "\\overline",
    "hat": "\\hat",
    "tilde": "\\tilde",
    "vec": "\\vec",
    "dot": "\\dot",
    "ddot": "\\ddot",
}
_FONTS = {"it": "\\mathit", "bf": "\\mathbf"}
_LETTERS = {
    name: unicodedata.lookup(f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER {_greek(name)}")
    for name in _GREEK
}
_ESCAPED = {
    " ": "\\ ", "$": "\\$", "%": "\\%", "&": "\\&", "#": "\\#", "_": "\\_", "^": "\\^{}", "~": "\\sim ",
    "\\": "\\backslash ",
}  # fmt: skip
_TOKEN = re.compile(r"#(?P<word>[A-Za-z]+)|#(?P<bracket>[\[\]{}()])|(?P<script>[_^])(?=\{)|(?P<char>.)", re.S)


def readable(text: str) -> str:
    r"""Return a title that matplotlib draws as ROOT does; plain text where it cannot.

    Parameters
    ----------
    text : str
        TLatex (``#mu``, ``p_{T}``, ``#sqrt{s}``), or plain text, which stays as it is.

    Returns
    -------
    str
        With mathtext between dollar signs, or plain.

    Examples
    --------
    >>> print(readable("p_{T}(#mu) [GeV]"))
    $\mathregular{p}_{\mathregular{T}}\mathregular{(}\mu \mathregular{)\ [GeV]}$
    >>> readable("Muon_pt"), readable("costs $5 #"), readable("#nonsense{x}")
    ('Muon_pt', 'costs \\$5 #', 'nonsense x')
    """
    if not _MARKS.search(text):
        # A dollar sign of the file opens no formula, unless two of them already are one.
        return text if _is_mathtext(text) else text.replace("$", r"\$")
    converted = _converted(text)
    if converted is not None and _is_mathtext(f"${converted}$"):
        return f"${converted}$"
    return readable_plain(text)


def readable_plain(text: str) -> str:
    """Return a TLatex title as plain text: letters for commands, without braces.

    Parameters
    ----------
    text : str
        TLatex.

    Returns
    -------
    str
        Plain text.

    Examples
    --------
    >>> readable_plain("m_{#mu#mu} [GeV]")
    'mμμ [GeV]'
    """

    def word(match: re.Match[str]) -> str:
        return _LETTERS.get(match[1], match[1] + " ")

    plain = re.sub(r"#([A-Za-z]+)", word, text)
    plain = re.sub(r"[_^](?=\{)|#(?=[\[\]{}()])|[{}]", "", plain)
    return re.sub(r" +", " ", plain).strip().replace("$", r"\$")


@functools.lru_cache(maxsize=512)
def _is_mathtext(text: str) -> bool:
    if text.count("$") % 2:
        return False
    if "$" not in text:
        return True
    try:
        MathTextParser("path").parse(text)
    except (ValueError, RuntimeError):
        return False
    return True


def _converted(text: str) -> str | None:
    """Return TLatex as mathtext, None where a command is not known or braces do not match."""
    if text.count("{") != text.count("}"):
        return None
    made: list[str] = []
    plain: list[str] = []

    def flush() -> None:
        if plain:
            made.append(f"\\mathregular{{{''.join(plain)}}}")
            plain.clear()

    for token in _TOKEN.finditer(text):
        word, bracket, script, char = token["word"], token["bracket"], token["script"], token["char"]
        if char is not None and char not in "{}":
            plain.append(_ESCAPED.get(char, char))
            continue
        flush()
        if word is not None:
            found = _command(word)
            if found is None:
                return None
            made.append(found)
        elif bracket is not None:
            made.append({"{": "\\{", "}": "\\}"}.get(bracket, bracket) if bracket not in "{}" else "")
        else:
            made.append(script or char or "")
    flush()
    return "".join(made)


def _command(word: str) -> str | None:
    """Return the mathtext of a command; ROOT's ends where the longest known word ends: ``#mubar``."""
    for length in range(len(word), 0, -1):
        name, rest = word[:length], word[length:]
        if name == "sqrt" and not rest:
            return "\\sqrt"
        if not rest and (name in _ACCENTS or name in _FONTS):
            return _ACCENTS.get(name) or _FONTS[name]
        if name in _WORDS:
            return _WORDS[name] + (
                f"\\mathregular{{{rest}}}" if rest else " " if _WORDS[name].startswith("\\") else ""
            )
    return None
