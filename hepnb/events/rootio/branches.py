"""What a branch is, told from its form, and how it is read into a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError
from hepnb.events.language.functions import to_numbers
from hepnb.events.language.nesting import Jagged, jagged
from hepnb.events.rootio.checks import branch_fault
from hepnb.events.rootio.exact import content_dtype, exactly, has_options, without_options
from hepnb.events.rootio.interpretations import amend

__all__ = ["Branch", "Kind", "branches_of", "described", "readers_of", "to_column"]

Kind = Literal["number", "bool", "list", "array", "string", "record", "other"]
_MAX_FIELD_DEPTH = 4


@dataclass(frozen=True)
class Branch:
    """A column of a tree.

    Attributes
    ----------
    name : str
        What expressions call it; between backticks where it is not a Python name.
    typename : str
        The C++ type.
    kind : str
        "number", "bool": one value per event; "list": a list per event, "array": a list of fixed length;
        "string", "record", "other".
    dtype : str
        Type of the numbers, such as "float32"; empty where there are none.
    title : str
        The branch's title.
    readable : bool
        Whether expressions can use it.
    reason : str
        Why not, where they cannot.
    path : str
        Full path inside the tree.
    fields : tuple of str
        Members of a record to go down, where the branch is one member of it.
    bytes_per_entry : float
        Size in memory, roughly.
    counter : str
        The branch that holds the lengths of the lists, where there is one.
    needs : tuple of str
        Branches that it is calculated from, where a Python function does that.
    """

    name: str
    typename: str
    kind: Kind
    dtype: str = ""
    title: str = ""
    readable: bool = True
    reason: str = ""
    path: str = ""
    fields: tuple[str, ...] = ()
    bytes_per_entry: float = field(default=8.0, compare=False)
    ndim: int = 1
    counter: str = field(default="", compare=False)
    needs: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The name as an expression writes it.

        Examples
        --------
        >>> Branch("Jet.PT", "float[]", "list").expression, Branch("2x3", "double", "number").expression
        ('Jet.PT', '`2x3`')
        """
        plain = self.name.isascii() and all(part.isidentifier() for part in self.name.split("."))
        return self.name if plain else f"`{self.name}`"


def branches_of(tree: Any, readers: Mapping[str, Any]) -> tuple[Branch, ...]:
    """List the branches of an uproot tree or RNTuple, members of records included.

    Parameters
    ----------
    tree : uproot TTree or RNTuple
        Read from an open file.
    readers : mapping of str to uproot TBranch or RField
        What :func:`readers_of` gives of it.

    Returns
    -------
    tuple of Branch
        In the file's order; names are the shortest that are not ambiguous.
    """
    if "RNTuple" in tree.classname:
        return tuple(_shortest_names(list(_ntuple_branches(readers)), {}))
    items = list(tree.iteritems(recursive=True, full_paths=True))
    own = {path: str(branch.name) for path, branch in items}
    return tuple(_shortest_names(list(_tree_branches(items, int(tree.num_entries))), own))


def readers_of(tree: Any) -> dict[str, Any]:
    """Give what reads each branch by its path; of several with one path the first.

    Parameters
    ----------
    tree : uproot TTree or RNTuple
        Read from an open file.

    Returns
    -------
    dict of str to uproot TBranch or RField
        In the file's order.
    """
    if "RNTuple" in tree.classname:
        _tell_members(tree)
        return {field.path: field for field in tree.all_fields if field.path is not None}
    readers: dict[str, Any] = {}
    for path, branch in tree.iteritems(recursive=True, full_paths=True):
        readers.setdefault(path, branch)
    return readers


def _tell_members(ntuple: Any) -> None:
    """Tell each field of an RNTuple its members.

    uproot 5.7 looks through all fields for the members of each one: seconds for a thousand fields. It
    remembers what it found in ``_fields``; here that is filled in one pass.
    """
    fields = list(ntuple.all_fields)
    inside: dict[int, list[int]] = {}
    for number, record in enumerate(ntuple.field_records):
        if record.parent_field_id != number:
            inside.setdefault(record.parent_field_id, []).append(number)

    def members(number: int) -> list[Any]:
        found: list[Any] = []
        for child in inside.get(number, ()):
            # The unnamed layers of a vector of records: their members are the vector's.
            found += members(child) if fields[child].is_anonymous else [fields[child]]
        return found

    for number, field_ in enumerate(fields):
        if getattr(field_, "_fields", 0) is None:
            field_._fields = members(number)


def _tree_branches(items: Sequence[tuple[str, Any]], n_entries: int) -> Iterator[Branch]:
    for path, branch in items:
        title = str(branch.title or "")
        typename, reason, form = "", "", None
        try:
            amend(branch)
            typename = str(branch.typename)
            form = branch.interpretation.awkward_form(branch.file)
            fault = branch_fault(branch, n_entries)
            if fault:
                form, reason = None, fault
        except Exception as error:  # noqa: BLE001  # any class may be unknown in any way; it is listed with the reason
            reason = _reason(error)
        size = max(float(branch.uncompressed_bytes) / max(n_entries, 1), 8.0)
        if len(branch.branches):
            why = "it is a group: its branches are listed below it"
            yield Branch(path, typename or "group", "record", "", title, False, why, path)
            continue
        counter = _counter(branch)
        for column in described(path, typename, title, form, reason, size):
            yield replace(column, counter=counter) if counter else column


def _counter(branch: Any) -> str:
    try:
        counter = branch.count_branch
        return "" if counter is None else str(counter.name)
    except Exception:  # noqa: BLE001  # a damaged leaf: the branch itself says what is wrong
        return ""


def _ntuple_branches(readers: Mapping[str, Any]) -> Iterator[Branch]:
    for path, branch in readers.items():
        typename, title, reason, form = "", "", "", None
        try:
            typename, title = str(branch.typename), str(branch.description or "")
            form = branch.to_akform()
            form = form[0] if isinstance(form, tuple) else form
            form = _unwrapped(form.contents[0], str(branch.name))
        except Exception as error:  # noqa: BLE001  # see above
            reason = _reason(error)
        yield from described(path, typename, title, form, reason, 8.0, expand=False)


def _unwrapped(form: Any, name: str) -> Any:
    """Form of a member that RNTuple describes inside the one-member record it belongs to."""
    single = (
        form.is_list and isinstance(form.content, ak.forms.RecordForm) and len(form.content.contents) == 1
    )
    # The members of a pair are numbered: the only one there is called 0, also where it is the second.
    if single and (form.content.is_tuple or form.content.fields == [name]):
        return ak.forms.ListOffsetForm("i64", form.content.contents[0])
    return form


def _reason(error: Exception) -> str:
    if isinstance(error, BranchError):
        return str(error)
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"its type cannot be read ({type(error).__name__}: {said[:120]})"


def described(
    path: str, typename: str, title: str, form: Any, reason: str, size: float, expand: bool = True
) -> Iterator[Branch]:
    """Say what a column of an awkward form is, and the members of a record."""
    if form is None:
        yield Branch(path, typename or "unknown", "other", "", title, False, reason, path)
        return
    kind, dtype = _kind_of(form)
    why = {"record": "it is a record, not numbers", "other": "it is not made of numbers"}.get(kind, "")
    members = list(_members(form, ())) if expand and kind == "record" else []
    if members:
        why = "it is a record: its members are listed below it"
    ndim = _ndim_of(form)
    yield Branch(path, typename or str(form.type), kind, dtype, title, not why, why, path, (), size, ndim)
    for names, member in members:
        kind, dtype = _kind_of(member)
        full = ".".join((path, *names))
        why = "it is not made of numbers" if kind in ("record", "other") else ""
        typename, ndim, part = str(member.type), _ndim_of(member), size / len(members)
        yield Branch(full, typename, kind, dtype, title, not why, why, path, names, part, ndim)


def _kind_of(form: Any) -> tuple[Kind, str]:
    """Kind and type of the numbers of an awkward form."""
    depth, regular, node = 0, True, form
    while not isinstance(node, ak.forms.NumpyForm):
        marked = node.parameter("__array__")
        if marked in ("string", "bytestring"):
            return ("string", "") if depth == 0 else ("other", "")
        if marked == "sorted_map" or isinstance(node, ak.forms.RecordForm):
            return "record", ""
        if isinstance(node, (ak.forms.UnionForm, ak.forms.EmptyForm)):
            return "other", ""
        if node.is_list:
            depth += 1
            regular = regular and node.is_regular
        node = node.content
    depth += len(node.inner_shape)
    dtype = np.dtype(node.primitive)
    if dtype.kind not in "biuf":
        return "other", str(dtype)
    if depth == 0:
        return ("bool" if dtype.kind == "b" else "number"), str(dtype)
    return ("array" if regular else "list"), str(dtype)


def _ndim_of(form: Any) -> int:
    if form.parameter("__array__") in ("string", "bytestring"):
        return 1
    return int(form.purelist_depth)


def _members(form: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Leaves of a record that are made of numbers, below at most one list."""
    if len(names) > _MAX_FIELD_DEPTH:
        return
    if isinstance(form, ak.forms.RecordForm) and not form.is_tuple:
        for name, content in zip(form.fields, form.contents, strict=True):
            if not name.startswith("@"):
                yield from _members(content, (*names, name))
    elif form.is_list and isinstance(form.content, ak.forms.RecordForm):
        if form.parameter("__array__") == "sorted_map" or form.content.is_tuple:
            return
        for inner, member in _members(form.content, names):
            yield inner, ak.forms.ListOffsetForm("i64", member)
    elif names and _kind_of(form)[0] in ("number", "bool", "list", "array", "string"):
        yield names, form


def _shortest_names(branches: list[Branch], own: Mapping[str, str]) -> Iterator[Branch]:
    """Drop the path of the parent branch where what is left names one branch only.

    A name may have slashes of its own: `own` are the names of branches without their parents'.
    """
    last = [
        own.get(branch.path, branch.path.rpartition("/")[2]) + branch.name[len(branch.path) :]
        for branch in branches
    ]
    counts: dict[str, int] = {}
    for name in (*last, *{branch.name for branch in branches if "/" in branch.name}):
        counts[name] = counts.get(name, 0) + 1
    seen: set[str] = set()
    for branch, short in zip(branches, last, strict=True):
        name = short if counts[short] == 1 else branch.name
        values = {**branch.__dict__, "name": name}
        if name in seen:
            values |= {"readable": False, "reason": "another branch of this name comes before it"}
        seen.add(name)
        yield Branch(**values)


def to_column(array: Any, branch: Branch) -> Any:
    """Turn what the reader gives into a column to calculate with.

    Parameters
    ----------
    array : awkward.Array or numpy.ndarray
        The branch's entries.
    branch : Branch
        What it is.

    Returns
    -------
    numpy.ndarray or awkward.Array
        One value per event as numpy: float64, int64 (uint64 where a value needs it), bool or text; one list
        per event as awkward, of the same types.
    """
    for name in branch.fields:
        array = array[name]
    if branch.kind == "string":
        return _texts(array, branch)
    if isinstance(array, np.ndarray) and array.ndim > 1:
        array = ak.Array(array)
    if isinstance(array, np.ma.MaskedArray):
        array = ak.Array(array)
    flat = jagged(array) if isinstance(array, ak.Array) and branch.kind in ("list", "array") else None
    if flat is not None and flat.flat.dtype.kind in "biuf":
        largest = flat.flat.max() if flat.flat.dtype == np.uint64 and flat.flat.size else 0
        return Jagged(flat.nesting, flat.flat.astype(_wide(flat.flat.dtype, largest))).array
    if isinstance(array, ak.Array):
        array = ak.without_parameters(ak.from_regular(array, axis=None))
        if has_options(array):
            array = _with_nan(array, branch)
    if isinstance(array, ak.Array) and branch.kind in ("list", "array"):
        dtype = content_dtype(array) or np.dtype(branch.dtype)
        return ak.values_astype(array, _wide(dtype, _extreme(array, dtype)))
    numbers = np.asarray(to_numbers(array))
    wide = _wide(numbers.dtype, numbers.max() if numbers.dtype == np.uint64 and numbers.size else 0)
    return np.ascontiguousarray(numbers, dtype=wide)


def _texts(array: Any, branch: Branch) -> NDArray[np.str_]:
    try:
        texts = ak.to_list(array)
    except UnicodeDecodeError as error:
        raise BranchError(
            f"branch {branch.name!r} has a text that is not in UTF-8 ({error.object[:20]!r}): it is not read."
        ) from error
    if None in texts:
        raise BranchError(
            f"branch {branch.name!r} has entries without a text, which is not the same as an empty text: it "
            "cannot be read."
        )
    return np.asarray(texts, dtype=np.str_) if texts else np.zeros(0, dtype="U1")


def _with_nan(array: Any, branch: Branch) -> Any:
    """Numbers that may be missing: NaN where they are, and double precision then."""
    if not ak.any(ak.is_none(array, axis=-1), axis=None):
        return array if ak.any(ak.is_none(array, axis=0)) else without_options(array)
    doubles = exactly(array, np.dtype(np.float64))
    if doubles is None:
        raise BranchError(
            f"branch {branch.name!r} has numbers that are missing (NaN, in double precision) and others of "
            "more than 53 bits: no type of numbers keeps both."
        )
    return ak.fill_none(doubles, np.nan, axis=-1)


def _extreme(array: Any, dtype: np.dtype[Any]) -> int:
    if dtype != np.uint64:
        return 0
    largest = ak.max(array, axis=None)
    return 0 if largest is None else int(largest)


def _wide(dtype: np.dtype[Any], largest: Any) -> np.dtype[Any]:
    if dtype.kind == "f":
        return np.dtype(np.float64)
    if dtype.kind in "iu":
        return np.dtype(np.uint64 if dtype == np.uint64 and int(largest) >= 2**63 else np.int64)
    return np.dtype(np.bool_)
