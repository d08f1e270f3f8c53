"""Read datacards of Combine whose likelihood HistFactory's model can hold exactly.

These are counting experiments, and templates without shape uncertainties. What a card has beyond that is
refused with the number of its line.
"""

from hepnb.workspace.combine.read import load_card

__all__ = ["load_card"]
