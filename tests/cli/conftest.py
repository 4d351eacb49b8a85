"""The service's command, started without ever serving."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from basira.app import SETTINGS
from basira.cli.program import app
from tests.support.command_line import Walk
from tests.support.walk import walk_done_once

Start = Callable[..., uvicorn.Config]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Call `basira serve` for two workers that never run: what they would be started with."""
    configs: list[uvicorn.Config] = []
    listen = socket.create_server

    def anywhere(address: tuple[str, int], **options: Any) -> socket.socket:
        return listen((address[0], 0), **options)

    monkeypatch.setattr(socket, "create_server", anywhere)
    monkeypatch.setattr("basira.cli.descriptors.allow_connections", lambda limits: limits)
    monkeypatch.setattr("basira.cli.workers.supervise", lambda config, *_: configs.append(config))
    monkeypatch.setattr("basira.api.http.logs.log_json", lambda: None)
    # What a start writes into the environment goes with the test.
    for name in (*(setting.name for setting in SETTINGS), "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "")

    def run(store: Path | str, *more: str) -> uvicorn.Config:
        done = CliRunner().invoke(app, ["serve", "--store", str(store), "--workers", "2", *more])
        assert done.exit_code == 0, done.output
        return configs[-1]

    return run


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return walk_done_once(tmp_path_factory)
