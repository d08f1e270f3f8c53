"""Read ROOT files: what is in them, safe expressions, chunks, histograms.

The only part of hepnb that imports uproot and awkward.
"""

from __future__ import annotations

from hepnb.events.batches import Batches, batches
from hepnb.events.branches import Branch
from hepnb.events.cache import COLUMNS
from hepnb.events.columns import Column
from hepnb.events.cube import Cube
from hepnb.events.cutflow import Cutflow, CutflowRow
from hepnb.events.disk import DiskColumns
from hepnb.events.expressions import Expression, check_expression
from hepnb.events.files import RootFile
from hepnb.events.filesets import RootFiles
from hepnb.events.fills import Fill, Filled
from hepnb.events.functions import FUNCTIONS
from hepnb.events.listing import Entry
from hepnb.events.opening import open  # the name users know from uproot
from hepnb.events.references import open_skim
from hepnb.events.skim import Written
from hepnb.events.source import Skipped
from hepnb.events.stream import Chunk
from hepnb.events.tables import Table
from hepnb.events.trees import Tree
from hepnb.events.write import write

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
    "Entry",
    "Expression",
    "Fill",
    "Filled",
    "RootFile",
    "RootFiles",
    "Skipped",
    "Table",
    "Tree",
    "Written",
    "batches",
    "check_expression",
    "open",
    "open_skim",
    "write",
]
