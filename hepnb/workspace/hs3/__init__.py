"""Read and write HS3 documents, the JSON of RooFit, whose channels are HistFactory's.

The rules are those of ROOT's ``RooJSONFactoryWSTool``, which wrote nearly every such file, in its three
dialects (about 6.28 to 6.32, 6.36 to 6.40, and later). What is not understood is refused by name.
"""

from hepnb.workspace.hs3.read import load_hs3
from hepnb.workspace.hs3.save import save_hs3

__all__ = ["load_hs3", "save_hs3"]
