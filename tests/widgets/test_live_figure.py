from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from hepnb.errors import HepnbError
from hepnb.widgets.toolkit import live_figure, main_loop
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.png import encode_png

COUNTS, EDGES = np.histogram(np.random.default_rng(3).normal(size=20_000), 40)


class Picture:
    """A filled histogram, an outline and points with errors that move, among things that do not."""

    def __init__(self, **kwargs):
        self.live = LiveFigure(**kwargs)
        self.scale = 1.0
        self.live.restructure(self.draw)

    def draw(self, figure):
        axes = figure.add_subplot(xlabel="$m_{\\mu\\mu}$ [GeV]", ylabel="Events", ylim=(0, 4000))
        axes.axhspan(500, 900, color="0.8", zorder=0)
        self.fill = axes.stairs(self.scale * COUNTS, EDGES, fill=True, alpha=0.6, label="filled")
        axes.axvline(0.3, color="k", zorder=2.2)
        self.line = axes.stairs(self.scale * COUNTS, EDGES, color="C1", zorder=3, label="outline")
        axes.legend(title="legend", loc="upper right")
        axes.text(0.1, 0.5, "above", transform=axes.transAxes)
        return [self.fill, self.line]

    def update(self):
        self.fill.set_data(self.scale * COUNTS)
        self.line.set_data(self.scale * COUNTS)

    def move(self, scale):
        self.scale = scale
        self.live.move(self.update)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def reference(live):
    """What matplotlib draws for the figure as it is, all of it."""
    live._canvas.draw()
    return np.asarray(live._canvas.buffer_rgba()).astype(int)


@pytest.fixture
def picture():
    return Picture()


@pytest.mark.parametrize("pixel_ratio", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.3, 2.0])
def test_a_moved_frame_is_the_full_redraw_in_its_order(scale, pixel_ratio):
    picture = Picture(pixel_ratio=pixel_ratio)
    picture.move(0.7)
    picture.move(scale)
    difference = np.abs(pixels(picture.live.png) - reference(picture.live))
    assert difference.max() <= 3  # blending in two steps rounds twice
    assert picture.live.frames == 3


def test_moving_artists_lie_between_fixed_ones(picture):
    """The span is below, the vertical line in between, the legend above: as without blitting."""
    kinds = ["layer" if isinstance(item, live_figure._Layer) else "artist" for item in picture.live._paint]
    assert kinds == ["artist", "layer", "artist", "layer"]


def test_containers_are_taken_apart(picture):
    def draw(figure):
        axes = figure.add_subplot()
        picture.bars = axes.bar([0, 1], [1, 2])
        return [picture.bars]

    picture.live.restructure(draw)
    picture.live.move(lambda: picture.bars[0].set_height(1.7))
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3


def test_size_and_pixel_ratio():
    live = Picture(width=300, height=200, pixel_ratio=2).live
    assert pixels(live.png).shape == (400, 600, 4)
    live.pixel_ratio = 1
    assert pixels(live.png).shape == (200, 300, 4)
    live.width = 350
    assert pixels(live.png).shape == (200, 350, 4)


def test_a_failed_redraw_leaves_the_last_picture_alive(picture):
    before, figure = picture.live.png, picture.live.figure

    def fail(figure):
        figure.add_subplot()
        raise HepnbError("nothing to draw")

    with pytest.raises(HepnbError, match="nothing to draw"):
        picture.live.restructure(fail)
    assert picture.live.png == before
    assert picture.live.figure is figure
    picture.move(1.4)
    assert picture.live.png != before


def test_a_failed_move_does_not_stop_the_next(picture):
    with pytest.raises(ZeroDivisionError):
        picture.live.move(lambda: 1 / 0)
    picture.move(1.5)
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3


def test_a_moving_artist_may_not_hold_text(picture):
    with pytest.raises(TypeError, match="may not hold text"):
        picture.live.restructure(lambda figure: [figure.add_subplot().set_title("moving")])


def test_a_move_before_the_first_picture_draws_nothing():
    live = LiveFigure()
    live.move(lambda: None)
    assert (live.frames, live.png) == (0, b"")


def test_posts_from_inside_a_draw_come_after_it(picture):
    def draw(figure):
        artists = picture.draw(figure)
        picture.live.move(lambda: picture.fill.set_data(3 * COUNTS))
        return artists

    picture.live.restructure(draw)
    assert picture.fill.get_data().values.max() == 3 * COUNTS.max()


def test_while_a_frame_is_drawn_newer_moves_overwrite_older_ones(picture):
    started, go, seen = threading.Event(), threading.Event(), []

    def slow():
        started.set()
        assert go.wait(10)

    worker = threading.Thread(target=picture.live.move, args=(slow,))
    worker.start()
    assert started.wait(10)
    for value in range(5):
        picture.live.move(lambda value=value: seen.append(value))
    assert seen == []
    go.set()
    worker.join(10)
    picture.live.flush(10)
    assert seen == [4]


def test_saving_gives_the_whole_picture(picture, tmp_path):
    picture.move(1.2)
    picture.live.figure.savefig(tmp_path / "x.pdf")
    picture.live.figure.savefig(tmp_path / "x.png", dpi=100)
    saved = pixels((tmp_path / "x.png").read_bytes())
    assert np.abs(saved - pixels(picture.live.png)).max() <= 3
    picture.move(1.3)
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3


class Loop:
    """A main loop that runs what is posted when told to."""

    def __init__(self):
        self.posted = []

    def add_callback(self, callback, *args, **kwargs):
        self.posted.append(lambda: callback(*args, **kwargs))

    def run(self):
        posted, self.posted = self.posted, []
        for callback in posted:
            callback()


@pytest.fixture
def loop(monkeypatch):
    made = Loop()
    monkeypatch.setattr(main_loop, "main_loop", lambda: made)
    monkeypatch.setattr(live_figure, "main_loop", lambda: made)
    return made


def elsewhere(function, *args):
    """Run on a thread beside the main one, as a widget's callback does."""
    failures = []

    def run():
        try:
            function(*args)
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    worker.join(20)
    assert not worker.is_alive()
    if failures:
        raise failures[0]


def test_a_redraw_is_posted_to_the_main_loop_and_the_old_picture_still_moves(picture, loop):
    drawn_on = []

    def draw(figure):
        drawn_on.append(threading.current_thread())
        return picture.draw(figure)

    elsewhere(picture.live.restructure, draw)
    assert drawn_on == []
    frames = picture.live.frames
    elsewhere(picture.move, 0.4)
    assert (
        picture.live.frames == frames + 1
    )  # the cell that keeps the main loop busy does not stop the slider
    loop.run()
    assert drawn_on == [threading.main_thread()]
    assert picture.fill.get_data().values.max() == pytest.approx(0.4 * COUNTS.max())
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3


def test_of_many_posted_redraws_the_last_is_drawn(picture, loop):
    drawn = []
    for number in range(5):
        elsewhere(picture.live.restructure, lambda figure, number=number: drawn.append(number))
    loop.run()
    assert drawn == [4]


def test_an_error_in_a_posted_redraw_reaches_the_handler(picture, loop):
    errors = []
    picture.live.on_error = errors.append

    def fail(figure):
        raise HepnbError("too late to raise")

    elsewhere(picture.live.restructure, fail)
    loop.run()
    assert [str(error) for error in errors] == ["too late to raise"]


def test_flush_says_when_the_main_loop_is_busy(picture, loop):
    elsewhere(picture.live.restructure, picture.draw)
    with pytest.raises(HepnbError, match="the kernel is running something else"):
        elsewhere(picture.live.flush, 0.05)
    picture.live.flush()
    assert picture.live._posted_draw is None


def test_300_moves_while_the_main_thread_plots_with_pyplot(picture):
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    failures, scales = [], np.linspace(0.2, 2.0, 300)

    def slide():
        try:
            for number, scale in enumerate(scales):
                picture.move(scale)
                if number % 10 == 0:
                    time.sleep(0.001)
        except BaseException as error:
            failures.append(error)

    slider = threading.Thread(target=slide)
    slider.start()
    plotted = 0
    while slider.is_alive() or plotted < 3:
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.set_title(rf"$\int_0^{{{plotted}}} \alpha\,x\,dx$")
        axes.plot(np.sin(np.arange(plotted + 2)), label=f"{plotted} äöü")
        axes.legend()
        figure.canvas.draw()
        plt.close(figure)
        plotted += 1
    slider.join()
    picture.live.flush()
    assert failures == []
    assert picture.fill.get_data().values.max() == pytest.approx(2.0 * COUNTS.max())
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3


def test_posts_from_many_threads_leave_the_last_value(picture):
    def work(values):
        for value in values:
            picture.move(value)

    workers = [threading.Thread(target=work, args=(np.linspace(0.1, 1.9, 40),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    picture.live.flush()
    picture.move(1.1)
    assert picture.fill.get_data().values.max() == pytest.approx(1.1 * COUNTS.max())
    assert picture.live._posted_move is None


@pytest.mark.parametrize("level", [0, 1, 9])
def test_the_encoder_is_lossless(level):
    image = np.random.default_rng(5).integers(0, 256, (37, 53, 4), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(encode_png(image, level)), image)


def test_a_hidden_artist_stays_hidden(picture):
    def draw(figure):
        axes = figure.add_subplot()
        picture.patch = axes.add_patch(Rectangle((0, 0), 0.5, 0.5))
        axes.text(0.2, 0.2, "hidden", visible=False)
        return [picture.patch]

    picture.live.restructure(draw)
    assert np.abs(pixels(picture.live.png) - reference(picture.live)).max() <= 3
