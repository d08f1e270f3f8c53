"""The language of cuts and formulas: from a text to a checked expression to values. It knows no file."""
