"""The gesture that writes everything for a paper into a folder."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any

import ipywidgets

from hepnb.widgets.toolkit.keeping import free_path
from hepnb.widgets.toolkit.main_loop import main_loop, must_post
from hepnb.widgets.toolkit.panel import Panel

__all__ = ["SavesFolder"]


class SavesFolder(Panel):
    """A panel that writes what it shows into a folder."""

    def _make_save(self) -> ipywidgets.Button:
        """Make the button, and the line that says what was written."""
        self._saved = ipywidgets.Label()
        button = ipywidgets.Button(
            description="For the paper",
            tooltip="Write pictures, tables, code and versions into a folder next to the notebook",
            layout={"width": "auto"},
        )
        button.add_class("hepnb-paper")
        button.on_click(lambda _button: self._press_save())
        return button

    def _press_save(self) -> None:
        # Pictures are drawn, with text: where cells run, and never beside one.
        if must_post():
            main_loop().add_callback(self._save_aloud)
        else:
            self._save_aloud()

    def _save_aloud(self) -> None:
        with self._reporting("save", shows=""):
            folder = free_path(Path(self._folder_name()))
            written = self.save(folder)
            self._saved.value = f"wrote {len(written)} files into {folder}"

    @abc.abstractmethod
    def save(self, folder: str | Path) -> list[Path]:
        """Write pictures, tables, code and versions into a folder."""

    def _folder_name(self) -> str:
        return "hepnb_paper"

    def _poi_name(self, model: Any) -> str:
        name = (model.poi_name or "result") if model is not None else "result"
        return "".join(letter if letter.isalnum() else "_" for letter in name)
