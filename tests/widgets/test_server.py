"""The server's low-latency connection: on by default, and out of the way of every other choice."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.gateway.connections import GatewayWebSocketConnection
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config

from hepnb import server as extension
from hepnb.server import LowLatencyWebsocketConnection

SETTING = Path(__file__).parents[2] / "etc/jupyter/jupyter_server_config.d/hepnb.json"


@pytest.fixture
def connection(monkeypatch):
    """A connection whose base class only notes that it was called."""
    calls = []
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: calls.append("connect"))
    handler = SimpleNamespace(
        ws_connection=object(), set_nodelay=lambda value: calls.append(("nodelay", value))
    )
    monkeypatch.setattr(LowLatencyWebsocketConnection, "websocket_handler", handler)
    return LowLatencyWebsocketConnection(), handler, calls


def test_nagle_is_switched_off_before_the_first_message(connection):
    made, _, calls = connection
    made.connect()
    assert calls == [("nodelay", True), "connect"]


def test_a_page_that_has_gone_does_not_stop_the_base_class(connection):
    made, handler, calls = connection
    handler.ws_connection = None
    made.connect()
    assert calls == ["connect"]


def server(chosen, config):
    return SimpleNamespace(
        kernel_websocket_connection_class=chosen,
        config=config,
        web_app=SimpleNamespace(settings={"kernel_websocket_connection_class": chosen}),
        log=logging.getLogger("test"),
    )


def used(chosen, config):
    app = server(chosen, config)
    extension._load_jupyter_server_extension(app)
    return app.web_app.settings["kernel_websocket_connection_class"]


def test_the_plain_connection_is_replaced():
    assert used(ZMQChannelsWebsocketConnection, Config()) is LowLatencyWebsocketConnection


def test_a_gateway_keeps_its_own():
    assert used(GatewayWebSocketConnection, Config()) is GatewayWebSocketConnection


def test_a_configured_class_stays_even_the_plain_one():
    config = Config(ServerApp=Config(kernel_websocket_connection_class=ZMQChannelsWebsocketConnection))
    assert used(ZMQChannelsWebsocketConnection, config) is ZMQChannelsWebsocketConnection


def test_the_installed_setting_enables_the_extension():
    extensions = json.loads(SETTING.read_text())["ServerApp"]["jpserver_extensions"]
    points = extension._jupyter_server_extension_points()
    assert [point["module"] for point in points] == [name for name, enabled in extensions.items() if enabled]
