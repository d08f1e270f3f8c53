"""The smallest panel with a slider: what the live figure's tests and its benchmark open."""

CELL = """
import ipywidgets, numpy as np, traitlets
from hepnb.widgets.toolkit.panel import Panel
from hepnb.widgets.toolkit.live_figure import LiveFigure

class Demo(Panel):
    scale = traitlets.Float(1.0).tag(panel_input=True)
    def _build(self):
        self.live = LiveFigure(alt="A histogram that follows the slider")
        self.slider = ipywidgets.FloatSlider(value=1, min=0, max=2, step=0.01, description="scale")
        traitlets.link((self, "scale"), (self.slider, "value"))
        self.counts, self.edges = np.histogram(np.random.default_rng(1).normal(size=100_000), 60)
        self.observe(self._on_scale, "scale")
        self._compose(self.slider, self.live)
        self.live.restructure(self._draw)
    def _draw(self, figure):
        axes = figure.add_subplot(xlabel="x", ylabel="Events", ylim=(0, 1.2e4), title="Demo")
        self.steps = axes.stairs(self.scale * self.counts, self.edges, fill=True, alpha=0.6, label="scaled")
        axes.stairs(self.counts, self.edges, label="nominal")
        axes.legend()
        return [self.steps]
    def _on_scale(self, change):
        with self._reporting():
            if self.scale > 1.9:
                from hepnb.errors import HepnbError
                raise HepnbError("scale is larger than 1.9: choose a smaller one")
            self.live.move(lambda: self.steps.set_data(self.scale * self.counts))
            self._set_result(self.scale)
    def to_code(self):
        return f"scale = {self.scale!r}\\nprint(scale)"

demo = Demo()
demo
"""
