"""A kernel connection without Nagle's delay, for the Jupyter server.

With Nagle's algorithm on, the second of two small messages waits for the browser's delayed
acknowledgement, about 40 ms: two or three frames of a live picture. Only the server imports this module.

It is switched on by ``etc/jupyter/jupyter_server_config.d/hepnb.json``, which the wheel installs. A class
configured by the user, or on the command line, replaces it: hepnb's setting is the weakest. So, to switch
it off, say in ``jupyter_server_config.py``::

    c.ServerApp.kernel_websocket_connection_class = (
        "jupyter_server.services.kernels.connection.channels.ZMQChannelsWebsocketConnection"
    )

A server that forwards its kernels to a gateway gets the gateway's own connection, as without hepnb.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.gateway.connections import GatewayWebSocketConnection
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["LowLatencyWebsocketConnection"]


class LowLatencyWebsocketConnection(ZMQChannelsWebsocketConnection):
    """The server's own connection between a kernel and a page, with TCP_NODELAY set on the page's socket.

    References
    ----------
    RFC 896 (Nagle's algorithm); RFC 1122, section 4.2.3.2 (delayed acknowledgement).
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Give way to the connection of a gateway, where there is one."""
        # Configuring any class switches off the server's own choice, which looks for a gateway.
        if GatewayClient.initialized() and GatewayClient.instance().gateway_enabled:
            return GatewayWebSocketConnection(*args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def connect(self) -> Any:
        """Handle a connection; see the base class."""
        # The page may have gone in the meantime; then the base class says what has to be said.
        if self.websocket_handler.ws_connection is not None:
            self.websocket_handler.set_nodelay(True)
        return super().connect()
