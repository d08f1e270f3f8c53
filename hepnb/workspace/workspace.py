"""The workspace: contents in pyhf's vocabulary that can be patched, scaled and saved."""

from __future__ import annotations

import copy
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, final

from hepnb.atomic_file import write_text
from hepnb.python_code import Code, call, pretty
from hepnb.workspace.contents import Contents
from hepnb.workspace.laws import Law
from hepnb.workspace.luminosity import scaled_spec
from hepnb.workspace.origin import Patched, Scaled, path_of
from hepnb.workspace.patches import Patch, apply_patch, operations_of

__all__ = ["Workspace"]


@final
class Workspace(Contents):
    """A validated HistFactory workspace.

    Parameters
    ----------
    spec : mapping
        The workspace in pyhf's JSON vocabulary (a dict, a ``pyhf.Workspace``). It is copied. A block
        ``"hepnb"``, as :meth:`document` writes it, may hold the constraints.
    edges : mapping of str to sequence of float, optional
        The bin edges of each channel, shape (n_bins + 1,), in the variable's unit. pyhf's schema has no place
        for them, so they live beside the specification and are not saved.
    labels : mapping of str to str, optional
        What each channel's axis is called.
    colors : mapping of str to str, optional
        A colour per sample.
    constraints : mapping of str to law, optional
        The laws of auxiliary measurements that are not pyhf's, by modifier; or such a mapping for each
        measurement. See :attr:`constraints`.
    bin_labels : mapping of str to sequence of str, optional
        The names of the bins of channels whose bins are categories, or several axes unrolled.
    interpolation : mapping of str to str, optional
        The interpolation codes of normsys and histosys, where they are not pyhf's; see
        :attr:`interpolation`.
    groups : mapping of str to sequence of str, optional
        The names of the parameters of groups, whose impacts :func:`hepnb.ranking` gives.
    pruned : sequence of Pruned, optional
        What was left out when it was built.

    Raises
    ------
    WorkspaceError
        When the specification is not a workspace; the message starts with the path of the fault. A POI that
        no modifier has is accepted here, because published background-only workspaces get theirs from a
        patch: see :meth:`require_poi`.

    Notes
    -----
    A workspace does not change: :meth:`patch` gives a new one. Do not edit :attr:`spec`.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    >>> workspace
    <Workspace: 1 channel, 2 bins, 2 samples, 2 modifiers, POI 'mu'>
    >>> workspace.channel_bins, workspace.observed
    ({'singlechannel': 2}, {'singlechannel': [51, 48]})
    """

    __slots__ = ()

    @property
    def code(self) -> Code:
        """Python that makes this workspace.

        It reads the file that the workspace was read from, with the patches that were applied. The numbers
        themselves are in it where there was no file, or the file is no longer what it was.

        Examples
        --------
        >>> import hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([12.0], [50.0], [3.0])
        >>> eval(workspace.code) == workspace
        True
        """
        return in_full(self) if self._origin is None or not self._origin.holds else self._origin.code

    def patch(self, patch: Patch, name: str | None = None) -> Workspace:
        """Apply a JSON patch, for instance the signal that a background-only workspace lacks.

        Parameters
        ----------
        patch : path, list of operations, pyhf.PatchSet or jsonpatch.JsonPatch
            A path may lead to a list of operations or to a patch set.
        name : str, optional
            Which patch of a patch set; not needed where it has only one.

        Returns
        -------
        Workspace
            A new workspace. Labels, colours and constraints stay; edges do where the bins do.

        Raises
        ------
        FileError
            When the path leads nowhere.
        WorkspaceError
            When an operation does not apply (the message names it), or the result is not a workspace.

        References
        ----------
        RFC 6902 (JSON patch); pyhf's patchset.json.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
        >>> path = "/channels/0/samples/0/data"
        >>> patched = workspace.patch([{"op": "replace", "path": path, "value": [6.0, 5.0]}])
        >>> patched.spec["channels"][0]["samples"][0]["data"]
        [6.0, 5.0]
        """
        path = path_of(patch)
        given: Any = operations_of(self._spec, patch, name) if path is None else path
        name = None if path is None else name
        patched = copy.copy(self)
        # What the patch does not touch is shared, and was checked.
        patched._check(apply_patch(self._spec, given, name), self._checked)
        patched._patches = (*self._patches, given if name is None else (given, name))
        patched._origin = None if self._origin is None else Patched(self._origin, given, name)
        if self._constraints:
            patched._constraints = self._constraints_for(patched)
        bins = patched.channel_bins
        patched._edges = {key: value for key, value in self._edges.items() if bins.get(key) == len(value) - 1}
        patched._bin_labels = {
            key: value for key, value in self._bin_labels.items() if bins.get(key) == len(value)
        }
        return patched

    def scale_luminosity(self, factor: float) -> Workspace:
        """Scale every yield, its variations and the observation: what if there were more data.

        Parameters
        ----------
        factor : float
            New luminosity over old; positive.

        Returns
        -------
        Workspace
            A new workspace. Relative uncertainties stay as they are, those of the simulation's size too.
            Observed counts may become fractions, which the asymptotic formulae do not mind.

        Raises
        ------
        WorkspaceError
            When the factor is not a positive number.

        Examples
        --------
        >>> from hepnb.workspace import uncorrelated_background
        >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
        >>> workspace.scale_luminosity(2.0).observed
        {'singlechannel': [102.0, 96.0]}
        """
        scaled = Workspace(scaled_spec(self._spec, factor), pruned=self._pruned, **self.about)
        scaled._patches = self._patches
        scaled._luminosity = self._luminosity * float(factor)
        scaled._origin = None if self._origin is None else Scaled(self._origin, float(factor))
        return scaled

    def _constraints_for(self, patched: Workspace) -> dict[str, dict[str, Law]]:
        """Return the laws of a patched workspace; a measurement with a new name keeps those of its place."""
        found = {}
        known = {*patched.modifiers, *patched._checked.parameters}
        for place, name in enumerate(patched.measurements):
            same = name in self.measurements or place >= len(self.measurements)
            laws = self._constraints.get(name if same else self.measurements[place], {})
            found[name] = {modifier: law for modifier, law in laws.items() if modifier in known}
        return {name: laws for name, laws in found.items() if laws}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the workspace as JSON, which pyhf and cabinetry read.

        Constraints that pyhf does not have are written into a block "hepnb" at the top. pyhf refuses such a
        file instead of reading another likelihood from it; :func:`hepnb.load` reads it back.

        Parameters
        ----------
        path : path
            Where to; a file that is there is replaced when the new one is complete.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileError
            When it cannot be written.
        """
        return write_text(path, json.dumps(self.document, indent=4) + "\n")

    def save_xml(self, folder: str | os.PathLike[str]) -> Path:
        """Write the workspace as HistFactory XML with one ROOT file, for hist2workspace and other programs.

        Parameters
        ----------
        folder : path
            Where to; it is made if it is not there. The files ``workspace.xml``, ``channels/*.xml`` and
            ``data.root`` are replaced. Run ``hist2workspace workspace.xml`` inside.

        Returns
        -------
        pathlib.Path
            The top-level file, ``workspace.xml``: :func:`hepnb.load` reads the same likelihood from it.

        Raises
        ------
        WorkspaceError
            When there is something that XML cannot hold; the message names it.
        FileError
            When it cannot be written.

        Notes
        -----
        Histograms have double precision. Parameters with auxiliary measurements have no bounds in XML:
        whoever reads it gives them those of ROOT.

        References
        ----------
        CERN-OPEN-2012-016 (HistFactory), section 4.

        Examples
        --------
        >>> import tempfile, hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = hepnb.load(workspace.save_xml(folder))
        >>> again.observed
        {'singlechannel': [50.0, 52.0]}
        """
        from hepnb.workspace.histfactory.save import save_xml  # noqa: PLC0415  # its package reads workspaces, too

        return save_xml(self, folder)

    def save_hs3(self, path: str | os.PathLike[str]) -> Path:
        """Write the workspace as an HS3 document, which RooFit reads.

        Parameters
        ----------
        path : path
            Where to; a file that is there is replaced when the new one is complete.

        Returns
        -------
        pathlib.Path
            The file: :func:`hepnb.load` reads the same likelihood from it.

        Raises
        ------
        WorkspaceError
            There is something that HS3, as ROOT reads it, cannot hold; the message names it.
        FileError
            It cannot be written.

        Notes
        -----
        ROOT 6.40 reads it: ``RooJSONFactoryWSTool(workspace).importJSON(path)``. Parameters have ROOT's names
        there: ``alpha_S`` for a systematic S, ``gamma_G_bin_0`` for the first bin of G.

        References
        ----------
        HS3, version 0.2.

        Examples
        --------
        >>> import tempfile, hepnb
        >>> workspace = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = hepnb.load(workspace.save_hs3(f"{folder}/workspace.hs3.json"))
        >>> again.observed
        {'singlechannel': [50.0, 52.0]}
        """
        from hepnb.workspace.hs3.save import save_hs3  # noqa: PLC0415  # its package makes workspaces, too

        return save_hs3(self, path)


def in_full(workspace: Workspace) -> Code:
    """Write a workspace with all its numbers.

    Parameters
    ----------
    workspace : Workspace
        What to write.

    Returns
    -------
    Code
        An expression that makes an equal one.
    """
    about = workspace.about
    function = "hepnb.Workspace" if about else "hepnb.load"
    return call(function, _spec_code(workspace, len(f"workspace = {function}(")), **about)


# Writing a large specification takes a good part of a second, and a pane with code follows every change.
@lru_cache(maxsize=8)
def _spec_code(workspace: Workspace, indent: int) -> Code:
    return pretty(workspace.spec, indent)
