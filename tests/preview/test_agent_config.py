"""The real Consul validates the configuration files of the agents."""

import subprocess
from pathlib import Path

import pytest

from components.agents import agent_config
from tests.support.graph import development
from tools import toolchain


@pytest.mark.parametrize("role", ["server", "client"])
def test_consul_accepts_the_configuration(tmp_path: Path, role: str) -> None:
    settings, join = development(), "consul.consul.svc"
    files = {
        "server": {
            agent_config.SERVER_FILE: agent_config.server_config(settings, join),
            agent_config.BOOTSTRAP_FILE: agent_config.bootstrap_config(settings),
        },
        "client": {agent_config.CLIENT_FILE: agent_config.client_config(settings, join)},
    }[role]
    for name, config in files.items():
        (tmp_path / name).write_text(agent_config.render(config))
    result = subprocess.run(
        [toolchain.binary("consul"), "validate", tmp_path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stdout + result.stderr
