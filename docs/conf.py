"""Configuration of the documentation site: `make docs`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hepnb

HERE = Path(__file__).parent
REPOSITORY = HERE.parent

# Sphinx imports matplotlib through our docstrings' examples; nothing may open a window.
os.environ.setdefault("MPLBACKEND", "agg")

project = "hepnb"
author = "The hepnb developers"
copyright = "The hepnb developers, BSD-3-Clause"  # Sphinx's name
release = version = hepnb.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = False

# The tutorials are the notebooks of the repository. They are executed and asserted on by the tests, not here.
nb_execution_mode = "off"
tutorials = HERE / "tutorials"
tutorials.mkdir(exist_ok=True)
for notebook in sorted((REPOSITORY / "notebooks").glob("[0-9]*.ipynb")):
    shutil.copyfile(notebook, tutorials / notebook.name)

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's own "Parameters" say them in words
numpydoc_show_class_members = True
numpydoc_show_inherited_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "hepnb"
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "icon_links": [
        {"name": "GitHub", "url": "https://github.com/hepnb/hepnb", "icon": "fa-brands fa-github"}
    ],
}
