"""What of a panel is up to date: errors by the input that they belong to, and what is stale or computed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from hepnb.forks import fork_safe

__all__ = ["Condition", "Problem", "Summary"]


@dataclass(frozen=True)
class Problem:
    """Something that went wrong and is not put right yet.

    Parameters
    ----------
    words : str
        What, in the user's words.
    details : str
        The traceback.
    shows : str
        The output that does not follow the inputs while this lasts; empty for none.
    """

    words: str
    details: str = ""
    shows: str = ""


@dataclass(frozen=True)
class Summary:
    """A condition at one time.

    Parameters
    ----------
    words, details : str
        Of the newest error that holds; empty where there is none.
    state : str
        ``"computing"``, ``"stale"`` or ``"current"``.
    outputs : dict of str to str
        Why an output is not current, for each that is not.
    """

    words: str
    details: str
    state: str
    outputs: dict[str, str]


@dataclass(eq=False)
class Condition:
    """Errors, staleness and work in progress of one panel.

    Errors belong to an input (or to the computation that reads it): one stays until that same one succeeds.
    Staleness and work belong to an output: the picture, or numbers such as the fit's.

    Examples
    --------
    >>> condition = Condition()
    >>> condition.fail("cut", Problem("there is no branch 'ptt'", shows="picture"))
    >>> condition.succeed("log_y")
    >>> condition.words, condition.stale("picture")
    ("there is no branch 'ptt'", 'This is not of the inputs beside it: see the error below.')
    >>> condition.succeed("cut")
    >>> condition.state
    'current'
    """

    _problems: dict[str, Problem] = field(default_factory=dict)
    _stale: dict[str, str] = field(default_factory=dict)
    _doing: dict[str, dict[object, str]] = field(default_factory=dict)
    _lock: Any = field(default_factory=lambda: fork_safe(threading.RLock()))

    def fail(self, topic: str, problem: Problem) -> None:
        """Note what is wrong with an input."""
        with self._lock:
            self._problems.pop(topic, None)
            self._problems[topic] = problem

    def succeed(self, topic: str) -> None:
        """Forget what was wrong with an input."""
        with self._lock:
            self._problems.pop(topic, None)

    def failed(self, topic: str) -> bool:
        """Return whether an input is wrong."""
        return topic in self._problems

    def mark(self, output: str, words: str) -> None:
        """Mark an output stale with a reason; empty `words` mark it current."""
        with self._lock:
            self._stale.pop(output, None)
            if words:
                self._stale[output] = words

    def marked(self, output: str) -> str:
        """Return the words with which an output was marked, empty where it was not."""
        return self._stale.get(output, "")

    def begin(self, output: str, words: str) -> object:
        """Mark an output as being computed; return the key that ends the mark."""
        key = object()
        with self._lock:
            self._doing.setdefault(output, {})[key] = words
        return key

    def end(self, output: str, key: object) -> None:
        """End the mark of a key."""
        with self._lock:
            doing = self._doing.get(output, {})
            doing.pop(key, None)
            if not doing:
                self._doing.pop(output, None)

    @property
    def problem(self) -> Problem | None:
        """The newest error that still holds."""
        with self._lock:
            return next(reversed(self._problems.values()), None)

    @property
    def words(self) -> str:
        """The newest error that still holds, in words; empty where there is none."""
        problem = self.problem
        return "" if problem is None else problem.words

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are not current."""
        with self._lock:
            shown = [problem.shows for problem in self._problems.values() if problem.shows]
            return tuple(dict.fromkeys([*self._doing, *self._stale, *shown]))

    def summary(self) -> Summary:
        """Return all of it, as it is at one time."""
        with self._lock:
            problem = self.problem
            words, details = ("", "") if problem is None else (problem.words, problem.details)
            outputs = {output: self.stale(output) for output in self.outputs}
            return Summary(words, details, self.state, outputs)

    @property
    def state(self) -> str:
        """``"computing"``, ``"stale"`` or ``"current"``."""
        with self._lock:
            if self._doing:
                return "computing"
            return "stale" if self.outputs else "current"

    def stale(self, output: str) -> str:
        """Return why an output is not current, in words; empty where it is."""
        with self._lock:
            if output in self._doing:
                return next(reversed(self._doing[output].values()))
            if output in self._stale:
                return self._stale[output]
            wrong = any(problem.shows == output for problem in self._problems.values())
            return "This is not of the inputs beside it: see the error below." if wrong else ""
