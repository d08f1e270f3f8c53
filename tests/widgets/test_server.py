"""The server's low-latency connection: on by default, weakest of all settings, out of a gateway's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jupyter_server.gateway.connections import GatewayWebSocketConnection
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config

from hepnb.server import LowLatencyWebsocketConnection

SETTING = Path(__file__).parents[2] / "etc/jupyter/jupyter_server_config.d/hepnb.json"


@pytest.fixture
def connection(monkeypatch):
    """A connection whose base class only notes that it was called."""
    calls = []
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: calls.append("connect"))

    class Handler:
        ws_connection = object()

        def set_nodelay(self, value):
            calls.append(("nodelay", value))

    made = LowLatencyWebsocketConnection.__new__(LowLatencyWebsocketConnection)
    handler = Handler()
    monkeypatch.setattr(LowLatencyWebsocketConnection, "websocket_handler", handler)
    return made, handler, calls


def test_nagle_is_switched_off_before_the_first_message(connection):
    made, _, calls = connection
    made.connect()
    assert calls == [("nodelay", True), "connect"]


def test_a_page_that_has_gone_does_not_stop_the_base_class(connection):
    made, handler, calls = connection
    handler.ws_connection = None
    made.connect()
    assert calls == ["connect"]


def test_the_setting_names_the_class():
    named = json.loads(SETTING.read_text())["ServerApp"]["kernel_websocket_connection_class"]
    app = ServerApp(config=Config(ServerApp=Config(kernel_websocket_connection_class=named)))
    assert app.kernel_websocket_connection_class is LowLatencyWebsocketConnection


def test_a_gateway_keeps_its_own_connection():
    GatewayClient.clear_instance()
    try:
        GatewayClient.instance(url="http://127.0.0.1:9")
        kernel = type("Kernel", (), {})
        with pytest.raises(Exception) as raised:  # noqa: PT011  # the base class wants a real handler
            LowLatencyWebsocketConnection(parent=None, websocket_handler=kernel())
        assert "GatewayWebSocketConnection" in str(raised.value)
        made = LowLatencyWebsocketConnection.__new__(LowLatencyWebsocketConnection)
        assert isinstance(made, GatewayWebSocketConnection)
    finally:
        GatewayClient.clear_instance()
