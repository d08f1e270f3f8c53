"""What all results have in common: they can be saved."""

from __future__ import annotations

import os
from pathlib import Path

from hepnb.resolvers import RESOLVERS

__all__ = ["Savable"]


class Savable:
    """A result with a method that saves it."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result as JSON, which :func:`hepnb.load_results` reads back.

        Parameters
        ----------
        path : path
            Where to; a file that is there is replaced when the new one is complete.

        Returns
        -------
        pathlib.Path
            The file.
        """
        return Path(RESOLVERS["save_results"](self, path))
