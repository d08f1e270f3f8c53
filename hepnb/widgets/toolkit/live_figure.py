"""A matplotlib figure that follows a slider at frame rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.text import Text

from hepnb.errors import HepnbError
from hepnb.forks import fork_safe, renew_after_fork
from hepnb.widgets.toolkit.main_loop import main_loop, must_post
from hepnb.widgets.toolkit.png import encode_png
from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["TEXT_LOCK", "LiveFigure"]

TEXT_LOCK = fork_safe(threading.RLock())
"""Held by whoever draws text: matplotlib's fonts and mathtext are not thread-safe."""

# matplotlib's own, held while a figure is drawn.
fork_safe(getattr(Figure, "_render_lock", TEXT_LOCK))

_DPI = 100
_DEFAULT_ALT = "Figure"

Draw = Callable[[Figure], "Iterable[Artist | Container] | None"]
Update = Callable[[], None]


class _LockedFigure(Figure):
    """A figure that is not saved while a frame of it is drawn: saving changes its canvas and its dpi."""

    def __init__(self, lock: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._frame_lock = lock

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        with TEXT_LOCK, self._frame_lock:
            super().savefig(*args, **kwargs)

    def __getstate__(self) -> Any:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_frame_lock"}


class _Layer:
    """Fixed artists that lie above moving ones, as the pixels they cover."""

    def __init__(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        flat = pixels.reshape(-1, 4)
        self.where = np.flatnonzero(flat[:, 3])
        covered = flat[self.where].astype(np.uint16)
        alpha = covered[:, 3:]
        self.color = covered[:, :3] * alpha + 127
        self.rest = 255 - alpha

    def paint(self, flat: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        below = flat[self.where, :3]
        flat[self.where, :3] = (self.color + below * self.rest) // 255


class LiveFigure(anywidget.AnyWidget):
    r"""A picture with two ways to change: a cheap move of a few artists, and a full redraw.

    Parameters
    ----------
    width, height : int
        Size on the page [px].
    pixel_ratio : int
        Device pixels for each of those, 1 or 2.
    alt : str
        What the picture shows, for people who do not see it.
    stale : str
        Why the picture is not that of the present inputs; it is dimmed with these words on it. Empty where
        it is.

    Notes
    -----
    `restructure` draws everything once, keeps the picture without the moving artists as a background,
    and `move` paints only those onto it (in the order of their ``zorder``; fixed artists above them,
    a legend or an axis, are kept as layers of pixels). A move draws no text, so it may run on any thread.

    Both post into a mailbox of one: while a frame is drawn, newer posts overwrite older ones, and the
    last one is always drawn.

    Examples
    --------
    >>> live = LiveFigure(width=320, height=200)
    >>> def draw(figure):
    ...     (line,) = figure.add_subplot().plot([0, 1], [0, 1])
    ...     live.line = line
    ...     return [line]
    >>> live.restructure(draw)
    >>> live.move(lambda: live.line.set_ydata([1, 0]))
    >>> live.frames, live.png[:4]
    (2, b'\x89PNG')
    """

    _esm = static_text("live_figure.js")
    _css = static_text("live_figure.css")

    frame = traitlets.Bytes(b"").tag(sync=True)
    alt = traitlets.Unicode(_DEFAULT_ALT).tag(sync=True)
    stale = traitlets.Unicode("").tag(sync=True)
    width = traitlets.Int(640, min=50, max=4000).tag(sync=True)
    height = traitlets.Int(420, min=50, max=4000).tag(sync=True)
    pixel_ratio = traitlets.Int(1, min=1, max=2).tag(sync=True)
    show_latency = traitlets.Bool(False, help="Show milliseconds per frame in the picture's corner").tag(
        sync=True
    )
    _kernel_ms = traitlets.Float(0.0).tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        self.on_error: Callable[[BaseException], None] | None = None
        self.frames = 0
        self._closed = False
        self._drawing = fork_safe(threading.RLock())
        self._mail = fork_safe(threading.Lock())
        self._idle = threading.Condition(self._mail)
        self._busy = 0
        self._posted_draw: Draw | None = None
        self._posted_move: Update | None = None
        self._moved_since: Update | None = None
        self._last_draw: Draw | None = None
        self._figure: Figure = self._blank()
        self._canvas: Any = FigureCanvasAgg(self._figure)
        self._background: Any = None
        self._paint: tuple[Artist | _Layer, ...] = ()
        super().__init__(**kwargs)
        self.observe(self._on_size, ["width", "height", "pixel_ratio"])
        renew_after_fork(self)

    def _after_fork(self) -> None:
        if self._busy != threading.get_ident():
            self._busy = 0

    def __del__(self) -> None:
        super().close()  # the figure is garbage too

    def close(self) -> None:
        """End the widget and let go of the figure and its pixels; nothing is drawn afterwards."""
        with self._mail:
            self._closed = True
            self._posted_draw = self._posted_move = self._moved_since = self._last_draw = None
            self._background, self._paint = None, ()
        self.on_error = None
        self._figure = Figure()
        self._canvas = FigureCanvasAgg(self._figure)
        super().close()

    @property
    def figure(self) -> Figure:
        """The figure on screen; ``figure.savefig("x.pdf")`` is the publication picture."""
        return self._figure

    @property
    def png(self) -> bytes:
        """The last frame."""
        return bytes(self.frame)

    def restructure(self, draw: Draw) -> None:
        """Draw everything anew.

        Parameters
        ----------
        draw : callable
            Takes an empty Figure, draws on it, and returns the artists that later moves will change
            (none of them may hold text). It is called on the main thread, perhaps later, with whatever
            state holds then; it may be dropped in favour of a newer one.
        """
        with self._mail:
            if self._closed:
                return
            self._posted_draw = draw
        if must_post():
            main_loop().add_callback(self._drain, wait=True, posted=True)
        else:
            self._drain(wait=True)

    def move(self, update: Update) -> None:
        """Change the moving artists' data and paint them.

        Parameters
        ----------
        update : callable
            Takes nothing, sets the artists' data. It may be dropped in favour of a newer one.
        """
        with self._mail:
            if self._closed:
                return
            self._posted_move = update
        self._drain()

    def flush(self, timeout: float = 30.0) -> None:
        """Wait until everything posted is drawn.

        Parameters
        ----------
        timeout : float
            How long to wait at most [s].

        Raises
        ------
        HepnbError
            When the time is over; the main loop is busy with a cell then.
        """
        if not must_post():
            self._drain(wait=True)
        with self._idle:
            if not self._idle.wait_for(lambda: not (self._waiting() or self._busy), timeout):
                raise HepnbError(
                    f"the figure was not drawn within {timeout:g} s: the kernel is running something else"
                )

    # -- drawing --------------------------------------------------------------------------------------

    def _waiting(self, may_draw: bool = True) -> bool:
        if self._posted_draw is not None and may_draw:
            return True
        return self._posted_move is not None and (self._background is not None or self._posted_draw is None)

    def _drain(self, wait: bool = False, posted: bool = False) -> None:
        """Draw what is in the mailbox, unless another thread does so already.

        That one looks into the mailbox once more after it has let go, so nothing stays behind. Only a redraw
        has to wait for the other thread: it may be one that must not draw text.
        """
        may_draw = not must_post()
        while True:
            with self._mail:
                posted_within_a_frame = self._busy == threading.get_ident()
                if posted_within_a_frame or not self._waiting(may_draw):
                    return
            if not self._drawing.acquire(blocking=wait):
                return
            try:
                self._serve(may_draw, posted)
            finally:
                self._drawing.release()

    def _serve(self, may_draw: bool, posted: bool) -> None:
        failure: Exception | None = None
        while True:
            with self._mail:
                if not self._waiting(may_draw):
                    break
                draw = self._posted_draw if may_draw else None
                if draw is not None:
                    update, self._moved_since = self._moved_since, None
                    self._posted_draw = None
                else:
                    update, self._posted_move = self._posted_move, None
                    if self._posted_draw is not None:
                        # The old picture goes on moving while a redraw waits for the main loop; the new
                        # one must not fall back behind this value.
                        self._moved_since = update
                self._busy = threading.get_ident()
            try:
                self._frame(draw, update)
            except Exception as error:  # noqa: BLE001  # handed on below; newer posts are drawn all the same
                failure = error
            finally:
                with self._idle:
                    self._busy = 0
                    self._idle.notify_all()
        if failure is not None:
            if self.on_error is None or not posted:
                raise failure
            self.on_error(failure)

    def _frame(self, draw: Draw | None, update: Update | None) -> None:
        start = time.perf_counter()
        if draw is not None:
            with TEXT_LOCK:
                self._redraw(draw)
            self._last_draw = draw
        if update is not None:
            update()
        if self._background is None:
            return
        self._blit()
        png = encode_png(self._canvas.buffer_rgba())
        self.frames += 1
        with self.hold_sync():
            self.frame = png
            if self.show_latency:
                self._kernel_ms = round(1e3 * (time.perf_counter() - start), 2)

    def _blit(self) -> None:
        renderer = self._canvas.get_renderer()
        renderer.restore_region(self._background)
        flat = np.asarray(self._canvas.buffer_rgba()).reshape(-1, 4)
        for item in self._paint:
            if isinstance(item, _Layer):
                item.paint(flat)
            else:
                item.draw(renderer)

    def _blank(self) -> Figure:
        ratio = self.pixel_ratio
        return _LockedFigure(self._drawing, figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI * ratio)

    def _redraw(self, draw: Draw) -> None:
        # On a new figure, so that the last good picture stays, and stays movable, when drawing fails.
        figure = self._blank()
        canvas: Any = FigureCanvasAgg(figure)
        moving = _flatten(draw(figure) or ())
        for artist in moving:
            if artist.findobj(Text):
                raise TypeError(f"a moving artist may not hold text: {artist!r}")
        groups = _paint_order(figure, moving)
        lifted = [artist for group in groups if isinstance(group, list) for artist in group]
        animated = [artist for artist in [*lifted, *moving] if not artist.get_animated()]
        for artist in animated:
            artist.set_animated(True)
        try:
            canvas.draw()
        finally:
            for artist in animated:
                artist.set_animated(False)
        renderer = canvas.get_renderer()
        background = renderer.copy_from_bbox(figure.bbox)
        paint: list[Artist | _Layer] = []
        for group in groups:
            if isinstance(group, Artist):
                paint.append(group)
                continue
            renderer.clear()
            for artist in group:
                artist.draw(renderer)
            paint.append(_Layer(np.asarray(canvas.buffer_rgba())))
        self._figure, self._canvas = figure, canvas
        self._background, self._paint = background, tuple(paint)

    def _on_size(self, change: Any) -> None:  # noqa: ARG002
        if self._last_draw is not None:
            self.restructure(self._last_draw)


def _flatten(artists: Iterable[Artist | Container]) -> list[Artist]:
    flat: list[Artist] = []
    for artist in artists:
        if isinstance(artist, Container):
            flat.extend(artist.get_children())  # type: ignore[no-untyped-call, unused-ignore]
        else:
            flat.append(artist)
    return flat


def _paint_order(figure: Figure, moving: Sequence[Artist]) -> list[Artist | list[Artist]]:
    """Order what lies above the background: moving artists one by one, fixed ones between them in groups."""
    order: list[Artist | list[Artist]] = []
    members = set(map(id, moving))
    for axes in sorted(figure.axes, key=lambda axes: axes.get_zorder()):
        children = [child for child in axes.get_children() if child is not axes.patch]
        if not axes.axison:
            fixed = {id(child) for child in (axes.xaxis, axes.yaxis, *axes.spines.values())}
            children = [child for child in children if id(child) not in fixed]
        started = False
        for child in sorted(children, key=lambda child: child.get_zorder()):
            if id(child) in members:
                started = True
                order.append(child)
            elif started and child.get_visible():
                _add(order, child)
    if order:
        for child in sorted(figure.get_children(), key=lambda child: child.get_zorder()):
            if child is not figure.patch and child not in figure.axes and child.get_zorder() > 0:
                _add(order, child)
    return order


def _add(order: list[Artist | list[Artist]], artist: Artist) -> None:
    if order and isinstance(order[-1], list):
        order[-1].append(artist)
    else:
        order.append([artist])
