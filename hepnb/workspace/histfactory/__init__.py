"""HistFactory XML, read and written with the semantics and the defaults of ROOT's HistFactory.

Read: :mod:`elements` checks tags and attributes, :mod:`histograms` finds histograms, :mod:`channels` reads a
channel's file, :mod:`parameters` knows what ROOT calls a parameter, :mod:`measurements` reads a measurement,
:mod:`asimov` makes the data of channels without ``<Data>``. :mod:`load` puts them together.
Written: :mod:`save`.

References
----------
CERN-OPEN-2012-016 (HistFactory); ConfigParser.cxx, HistoToWorkspaceFactoryFast.cxx and HistFactoryImpl.cxx of
ROOT 6.40, in its folder roofit/histfactory/src.
"""

from __future__ import annotations

from hepnb.workspace.histfactory.load import load_xml

__all__ = ["load_xml"]
