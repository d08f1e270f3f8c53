"""A kernel connection without Nagle's delay, for the Jupyter server.

With Nagle's algorithm on, the second of two small messages waits for the browser's delayed
acknowledgement, about 40 ms: two or three frames of a live picture. Only the server imports this module.

It is a server extension, enabled by ``etc/jupyter/jupyter_server_config.d/hepnb.json``, which the wheel
installs. It does nothing where a connection class is configured, or a gateway runs the kernels. To switch
it off::

    jupyter server extension disable hepnb.server
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["LowLatencyWebsocketConnection"]

_SETTING = "kernel_websocket_connection_class"


class LowLatencyWebsocketConnection(ZMQChannelsWebsocketConnection):
    """The server's own connection between a kernel and a page, with TCP_NODELAY set on the page's socket.

    References
    ----------
    RFC 896 (Nagle's algorithm); RFC 1122, section 4.2.3.2 (delayed acknowledgement).
    """

    def connect(self) -> Any:
        """Handle a connection; see the base class."""
        # The page may have gone in the meantime; then the base class says what has to be said.
        if self.websocket_handler.ws_connection is not None:
            self.websocket_handler.set_nodelay(True)
        return super().connect()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hepnb.server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    # A trait set in jupyter_server_config.d is not read by the server (only the list of extensions is), and
    # one in jupyter_server_config.json would overrule the server's own choice of the gateway's connection.
    configured = _SETTING in server.config.get("ServerApp", {})
    if configured or getattr(server, _SETTING) is not ZMQChannelsWebsocketConnection:
        server.log.info("hepnb: a kernel connection of your own is configured; low latency is left to it.")
        return
    server.web_app.settings[_SETTING] = LowLatencyWebsocketConnection
