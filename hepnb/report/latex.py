"""Tables for LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hepnb.errors import HepnbError

if TYPE_CHECKING:
    from hepnb.fits import FitResults, YieldResults
    from hepnb.model import FitModel

__all__ = ["latex_table", "latex_text", "pulls_latex", "yields_latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "\n": " ", "\r": " ",
}  # fmt: skip


def latex_text(text: str) -> str:
    r"""Return a text in which nothing is a command of LaTeX.

    Examples
    --------
    >>> print(latex_text("JES_up & 5% {x}"))
    JES\_up \& 5\% \{x\}
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, rules: Sequence[int] = ()) -> str:
    r"""Write a tabular.

    Parameters
    ----------
    header : sequence of str
        The first column is aligned to the left, the others to the right. Escaped already.
    rows : sequence of sequence of str
        Of the same length; escaped already.
    rules : sequence of int
        Rows above which there is a line.

    Returns
    -------
    str
        A ``tabular`` with the rules of the package booktabs.

    Raises
    ------
    HepnbError
        A row is of another length.

    Examples
    --------
    >>> print(latex_table(["Sample", "SR"], [["bkg", "$50 \\pm 3$"], ["Data", "51"]], rules=[1]))
    \begin{tabular}{lr}
    \toprule
    Sample & SR \\
    \midrule
    bkg & $50 \pm 3$ \\
    \midrule
    Data & 51 \\
    \bottomrule
    \end{tabular}
    """
    for row in rows:
        if len(row) != len(header):
            raise HepnbError(f"a row has {len(row)} cells, the header has {len(header)}: {list(row)!r:.80}.")
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule", _line(header), r"\midrule"]
    for place, row in enumerate(rows):
        lines += [r"\midrule"] if place in rules and place else []
        lines.append(_line(row))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def with_error(value: float, error: float) -> str:
    r"""Write a value and its uncertainty with the digits that matter: two of the uncertainty.

    Examples
    --------
    >>> print(with_error(103.284, 7.62), with_error(0.5, 0.0), with_error(1234.0, 123.0))
    $103.3 \pm 7.6$ $0.5$ $1230 \pm 120$
    """
    if not math.isfinite(value):
        return "--"
    if not (math.isfinite(error) and error > 0):
        return f"${value:.4g}$"
    digits = 1 - math.floor(math.log10(error))
    decimals = max(digits, 0)
    return rf"${round(value, digits):.{decimals}f} \pm {round(error, digits):.{decimals}f}$"


def yields_latex(result: YieldResults) -> str:
    r"""Write the yields of each channel: a row for each sample, the total and the data.

    Parameters
    ----------
    result : YieldResults
        The results of :func:`hepnb.yields`.

    Returns
    -------
    str
        A ``tabular`` with one column for each channel; a dash where a channel does not have the sample.

    Examples
    --------
    >>> import hepnb
    >>> model = hepnb.Model(hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0], observed=[56]))
    >>> print(yields_latex(hepnb.yields(None, model)))
    \begin{tabular}{lr}
    \toprule
    Sample & singlechannel \\
    \midrule
    background & $50.0 \pm 3.0$ \\
    signal & $12$ \\
    \midrule
    Total & $62.0 \pm 3.0$ \\
    Data & 56 \\
    \bottomrule
    \end{tabular}
    """
    rows = []
    for place, name in enumerate(result.samples):
        cells = [
            with_error(result.sums[place, column], result.sum_uncertainty[place, column])
            if result.present[place, column]
            else "--"
            for column in range(len(result.channels))
        ]
        rows.append([latex_text(name), *cells])
    totals = zip(result.sums[-1], result.sum_uncertainty[-1], strict=True)
    rows.append(["Total", *(with_error(value, error) for value, error in totals)])
    rows.append(["Data", *(f"{result.data[where].sum():g}" for where in result.slices.values())])
    return latex_table(["Sample", *map(latex_text, result.channels)], rows, rules=[len(result.samples)])


def pulls_latex(result: FitResults, model: FitModel) -> str:
    r"""Write every parameter of a fit: value, uncertainty, and pull where it is constrained.

    Parameters
    ----------
    result : FitResults
        The fit.
    model : FitModel
        Its model, for the auxiliary measurements.

    Returns
    -------
    str
        A ``tabular``; the pull is (value - centre) / width of the auxiliary measurement.

    Raises
    ------
    HepnbError
        The fit is of another model.

    Examples
    --------
    >>> import hepnb
    >>> model = hepnb.Model(hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0], observed=[56]))
    >>> print(pulls_latex(hepnb.fit(None, model), model).splitlines()[5])
    uncorr\_bkguncrt[0] & $1.000 \pm 0.060$ & $0.00 \pm 1.00$ \\
    """
    if tuple(result.labels) != tuple(model.parameter_names):
        raise HepnbError(
            "the fit is not one of this model: their parameters differ. Give the model that was fitted."
        )
    rows = []
    for parameter, value, error in zip(model.parameters, result.bestfit, result.uncertainty, strict=True):
        pull = ""
        if math.isfinite(parameter.sigma) and parameter.sigma > 0:
            moved, width = (value - parameter.center) / parameter.sigma, error / parameter.sigma
            # Without the sign of a zero that rounding makes.
            pull = rf"${round(moved, 2) + 0.0:.2f} \pm {width:.2f}$"
        rows.append([latex_text(parameter.name), with_error(float(value), float(error)), pull])
    return latex_table(["Parameter", "Value", "Pull"], rows)
