"""JupyterLab on loopback, Chromium before it, and a meter inside the page."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, Playwright

import hepnb

CHROMIUM = os.environ.get("HEPNB_CHROMIUM", "/usr/bin/chromium")
OUTPUT = Path(__file__).parent / "output"
PLAIN_CONNECTION = "jupyter_server.services.kernels.connection.channels.ZMQChannelsWebsocketConnection"

_SERVER_FLAGS = (
    "--no-browser",
    "--ip=127.0.0.1",
    "--allow-root",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
)
_CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
# Runs inside the server: notes for each kernel connection of which class it is and whether Nagle is off.
_SPY = """
import json, socket
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection as Plain
connect = Plain.connect
def spying(self):
    page = self.websocket_handler.ws_connection.stream.socket
    nodelay = page.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with open({log!r}, "a") as log:
        log.write(json.dumps({{"class": type(self).__name__, "nodelay": bool(nodelay)}}) + "\\n")
    return connect(self)
Plain.connect = spying
"""
# JupyterLab's debugger says this where a kernel is ended while it still asks it for its state.
_DEBUGGER = "Could not restore the debugger state"
_PANEL = """
  window.hepnbNotebook = () => [...(window.jupyterapp?.shell?.widgets("main") ?? [])]
    .find((widget) => widget.content?.notebookConfig);
"""
_READY = """() => {
  const session = window.hepnbNotebook()?.sessionContext;
  return Boolean(session?.isReady && session.session?.kernel);
}"""
_IDLE = """() => {
  const panel = window.hepnbNotebook();
  const cells = [...panel.content.widgets].filter((cell) => cell.model.type === "code");
  const ran = (cell) => cell.model.sharedModel.execution_count !== null;
  return cells.every((cell) => ran(cell) && cell.model.executionState !== "running")
    && panel.sessionContext.session.kernel.status === "idle";
}"""
# Listens in the capture phase, so before any widget sees the event; `load` does not bubble, but is captured.
_METER = """(selector) => {
  window.hepnbMeter?.stop();
  const times = [];
  let asked = null;
  const ask = () => { asked ??= performance.now(); };
  const loaded = (event) => {
    const image = event.target;
    if (asked === null || !(image instanceof HTMLImageElement) || !image.matches(selector)) return;
    times.push(performance.now() - asked);
    asked = null;
  };
  document.addEventListener("keydown", ask, true);
  document.addEventListener("load", loaded, true);
  window.hepnbMeter = { times, stop() {
    document.removeEventListener("keydown", ask, true);
    document.removeEventListener("load", loaded, true);
  } };
}"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Lab:
    """A JupyterLab server with directories of its own.

    Parameters
    ----------
    directory : Path
        An empty directory; the notebooks are in its ``root``.
    low_latency : bool
        Whether hepnb's server setting holds (as installed) or is overruled.
    """

    directory: Path
    low_latency: bool = True
    port: int = field(default_factory=_free_port)

    def __post_init__(self) -> None:
        self.root = self.directory / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.spied = self.directory / "connections.jsonl"
        config = self._private("JUPYTER_CONFIG_DIR")
        (config / "jupyter_server_config.py").write_text(_SPY.format(log=str(self.spied)))
        settings = self._private("JUPYTERLAB_SETTINGS_DIR") / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(
            json.dumps({"fetchNews": "false", "checkForUpdates": False})
        )
        names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR", "HOME")
        # The page's extension as it is in this tree, whatever was installed when.
        extensions = self._private("JUPYTER_DATA_DIR") / "labextensions"
        extensions.mkdir()
        (extensions / "hepnb").symlink_to(Path(hepnb.__file__).parent / "labextension")
        environment = {name: str(self._private(name)) for name in names}
        environment |= {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTERLAB_SETTINGS_DIR": str(settings.parents[1]),
        }
        flags = [*_SERVER_FLAGS, f"--port={self.port}", f"--ServerApp.root_dir={self.root}"]
        if not self.low_latency:
            flags.append(f"--ServerApp.kernel_websocket_connection_class={PLAIN_CONNECTION}")
        self.log = self.directory / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *flags],
                env=os.environ | environment,
                cwd=self.root,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def _private(self, name: str) -> Path:
        path = self.directory / name.lower()
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _wait_until_up(self, timeout: float = 60.0) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/api/status", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"JupyterLab did not come up:\n{self.log.read_text()[-3000:]}")

    def connections(self) -> list[dict[str, Any]]:
        """Return what the server noted of its kernel connections."""
        return [json.loads(line) for line in self.spied.read_text().splitlines()]

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook of code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(playwright: Playwright) -> Browser:
    """Start Debian's Chromium."""
    if not Path(CHROMIUM).exists():
        raise RuntimeError(f"{CHROMIUM} is missing: apt-get install chromium")
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(_CHROMIUM_FLAGS))


class Notebook:
    """A notebook open in JupyterLab.

    Parameters
    ----------
    page : Page
        A fresh page.
    lab : Lab
        The server.
    name : str
        Path of the notebook in the server's root.
    """

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page = page
        self.lab = lab
        self.errors: list[str] = []
        self.dark = False
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.add_init_script(_PANEL)
        page.goto(f"{lab.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{name}")
        page.wait_for_function(_READY, timeout=60_000)
        page.evaluate("async () => { await window.hepnbNotebook().sessionContext.session.kernel.info; }")
        page.evaluate("""() => {
          window.jupyterapp.shell.collapseLeft();  // it only narrows the notebook
          window.jupyterapp.shell.activateById(window.hepnbNotebook().id);
        }""")

    def _console(self, message: Any) -> None:
        if message.type == "error" and _DEBUGGER not in message.text:
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def shut_down(self) -> None:
        """End the kernel, so that a long session does not gather them."""
        self.page.evaluate("async () => { await window.hepnbNotebook()?.sessionContext.shutdown(); }")

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of JupyterLab."""
        script = "([name, args]) => { window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(script, [name, arguments])

    def run_all(self, timeout: float = 120.0) -> None:
        """Run all cells and wait; a cell that raises is an error."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(_IDLE, timeout=1000 * timeout)
        for output in self.page.locator(
            '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'
        ).all():
            self.errors.append(output.inner_text())
        failed = """() => window.hepnbNotebook().content.widgets
          .flatMap((cell) => cell.model.toJSON().outputs ?? [])
          .filter((output) => output.output_type === "error")
          .map((output) => `${output.ename}: ${output.evalue}`)"""
        self.errors.extend(self.page.evaluate(failed))

    def theme(self, dark: bool) -> None:
        """Switch between JupyterLab's light and dark theme."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", theme=name)
        light = "false" if dark else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self.page.wait_for_timeout(300)
        self.dark = dark

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """Save a picture of the page, or of one element, in tests/browser/output."""
        OUTPUT.mkdir(exist_ok=True)
        path = OUTPUT / f"{name}.png"
        target: Any = self.page if selector is None else self.page.locator(selector).first
        target.screenshot(path=path)
        return path

    def evaluate(self, code: str, timeout: float = 30.0) -> Any:
        """Evaluate a Python expression in the kernel, beside the notebook, and return it (through JSON)."""
        script = """async (code) => {
          const kernel = window.hepnbNotebook().sessionContext.session.kernel;
          const asked = { code: "", store_history: false, user_expressions: { value: code } };
          const future = kernel.requestExecute(asked);
          const reply = await future.done;
          return reply.content.user_expressions.value;
        }"""
        self.page.set_default_timeout(1000 * timeout)
        reply = self.page.evaluate(script, f"__import__('json').dumps({code})")
        if reply["status"] != "ok":
            raise RuntimeError(f"{reply.get('ename')}: {reply.get('evalue')}")
        text = reply["data"]["text/plain"]
        return json.loads(eval(text))  # the repr of a str made by json.dumps

    def expect(self, code: str, value: Any, timeout: float = 15.0) -> None:
        """Wait until a Python expression in the kernel has a value."""
        end = time.monotonic() + timeout
        while (found := self.evaluate(code)) != value:
            if time.monotonic() > end:
                raise AssertionError(f"{code} is {found!r}, not {value!r}")
            self.page.wait_for_timeout(100)

    def slider(self, label: str) -> Any:
        """Return the handle of a slider by its accessible name or a CSS selector."""
        if label.startswith((".", "#", "[")):
            return self.page.locator(label).first
        return self.page.get_by_role("slider", name=label).first

    def measure(
        self,
        slider: str,
        image: str = ".hepnb-figure img",
        steps: int = 120,
        pause: float = 0.075,
        key: str = "ArrowRight",
        warm_up: int = 10,
    ) -> list[float]:
        """Press a key on a slider again and again; from the key event to the load of the new picture [ms].

        Parameters
        ----------
        slider : str
            Accessible name or CSS selector of the slider.
        image : str
            CSS selector of the picture.
        steps, warm_up : int
            Key presses measured, and those before that are not.
        pause : float
            Between two key presses [s].
        key : str
            Which key; it is reversed half way.

        Returns
        -------
        list of float
            One for each press that led to a picture.
        """
        back = {
            "ArrowRight": "ArrowLeft",
            "ArrowUp": "ArrowDown",
            "ArrowLeft": "ArrowRight",
            "ArrowDown": "ArrowUp",
        }[key]
        self.slider(slider).focus()
        for count in (warm_up, steps):
            self.page.evaluate(_METER, image)
            for step in range(count):
                self.page.keyboard.press(key if step < count // 2 else back)
                self.page.wait_for_timeout(1000 * pause)
            self.page.wait_for_timeout(300)
        times: list[float] = self.page.evaluate(
            "() => { window.hepnbMeter.stop(); return window.hepnbMeter.times; }"
        )
        return times

    def drag(self, slider: str, dx: float, steps: int = 20, pause: float = 0.01) -> None:
        """Drag a slider's handle by some pixels, as a hand does."""
        box = self.slider(slider).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for step in range(1, steps + 1):
            self.page.mouse.move(x + dx * step / steps, y)
            self.page.wait_for_timeout(1000 * pause)
        self.page.mouse.up()
