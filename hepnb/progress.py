"""How long work says how far it is, and is told to stop: the same two names in every layer."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

__all__ = ["Bar", "Cancel", "Progress"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total)."""


class Cancel(Protocol):
    """Something that says when to stop, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Say whether to stop."""


class Bar:
    """A progress bar with the rate and the time left, to be given as ``progress``; in a notebook a widget.

    Parameters
    ----------
    description : str
        Put before the bar.
    unit : str
        What is counted.
    **options
        For ``tqdm.auto.tqdm``.

    Examples
    --------
    >>> import io
    >>> with Bar("filling", file=io.StringIO()) as bar:
    ...     for done in (10, 20):
    ...         bar(done, 20)
    >>> bar.done
    20
    """

    def __init__(self, description: str = "", unit: str = "entries", **options: Any) -> None:
        self._options = {"desc": description or None, "unit": f" {unit}", "unit_scale": True, **options}
        self._bar: Any = None
        self.done = 0

    def __call__(self, done: int, total: int) -> None:
        """Move to `done` of `total`; the bar is closed at the end."""
        if self._bar is None:
            from tqdm.auto import tqdm  # noqa: PLC0415  # it looks for a notebook when it is imported

            self.done = 0
            self._bar = tqdm(total=total, **self._options)
        self._bar.total = total
        self._bar.update(done - self.done)
        self.done = done
        if done >= total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is; the next call begins a new one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        """Close the bar in the end, whatever happens."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
