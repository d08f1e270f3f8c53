"""Read ROOT files: what is in them, safe expressions, chunks, histograms.

The only part of hepnb that imports uproot and awkward.
"""

from __future__ import annotations

from hepnb.events.language.expression import Expression, check_expression
from hepnb.events.language.functions import FUNCTIONS
from hepnb.events.language.named_columns import Column
from hepnb.events.opening import open  # the name users know from uproot
from hepnb.events.passes.chunks import Chunk
from hepnb.events.passes.cube import Cube
from hepnb.events.passes.cutflow import Cutflow, CutflowRow
from hepnb.events.passes.fill_spec import Fill, FillResults
from hepnb.events.root_file import RootFile
from hepnb.events.root_files import RootFiles
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.directory import FileKey
from hepnb.events.rootio.graphs import Table
from hepnb.events.skim_references import open_skim
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.disk_cache import DiskColumns
from hepnb.events.sources.python_columns import PythonColumn
from hepnb.events.sources.source import Skipped
from hepnb.events.training import Batches, batches
from hepnb.events.tree import Tree
from hepnb.events.writing.random_numbers import random_normal, random_uniform
from hepnb.events.writing.skim import SkimResults
from hepnb.events.writing.write import write

__all__ = [
    "COLUMNS",
    "FUNCTIONS",
    "Batches",
    "Branch",
    "Chunk",
    "Column",
    "Cube",
    "Cutflow",
    "CutflowRow",
    "DiskColumns",
    "Expression",
    "FileKey",
    "Fill",
    "FillResults",
    "PythonColumn",
    "RootFile",
    "RootFiles",
    "SkimResults",
    "Skipped",
    "Table",
    "Tree",
    "batches",
    "check_expression",
    "open",
    "open_skim",
    "random_normal",
    "random_uniform",
    "write",
]
