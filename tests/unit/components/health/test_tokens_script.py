"""The part of the health check's script that asks each agent which tokens it uses, with a fake `curl`."""

import json
import subprocess
from pathlib import Path

from tests.support.scripts import write_program

SCRIPT = Path(__file__).parents[4] / "components" / "health" / "scripts" / "tokens.sh"
SECRET = "5ec4e700-0000-4000-8000-000000000000"  # noqa: S105 - a made-up token


def answer(generation: str) -> str:
    """Return what an agent says that started with the generation 1, as Consul does."""
    meta = {"consul-network-segment": "", "consul-version": "1.22.6"}
    return json.dumps(
        {
            "Config": {"NodeName": "consul-0"},
            "Meta": {**meta, "token-generation": generation} if generation else meta,
            "DebugConfig": {"NodeMeta": {"token-generation": "1"}},
        },
        separators=(",", ":"),
    )


def stale(folder: Path, *generations: str) -> list[str]:
    """Return what the script prints if three servers and a client answer with these generations."""
    for name, generation in zip(("consul-0", "consul-1", "consul-2", "consul-client-0"), generations, strict=True):
        (folder / name).write_text(answer(generation))
    (folder / "token").write_text(SECRET)
    write_program(
        folder,
        "curl",
        f"""for at in "$@"; do :; done
echo "$*" >> {folder}/asked; cat >> {folder}/header
agent=${{at#https://}}; agent=${{agent%%.*}}
[ "$agent" != "$DOWN" ] && cat {folder}/$agent || {{ echo 'curl: (7) refused' >&2; exit 7; }}""",
    )
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "MEMBERS": "server:consul-0 server:consul-1 server:consul-2 client:consul-client-0",
        "SERVER_SERVICE": "servers.here.svc",
        "CLIENT_SERVICE": "clients.here.svc",
        "HTTPS_PORT": "8501",
        "GENERATION_META": "token-generation",
        "TOKEN_GENERATION": "2",
        "CONSUL_CACERT": "/tls/ca.pem",
        "CONSUL_HTTP_TOKEN_FILE": str(folder / "token"),
        "DOWN": "consul-2" if generations[2] == "down" else "",
    }
    command = ["sh", "-uc", f"{SCRIPT.read_text()}\noutdated_tokens"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_agents_that_use_the_declared_tokens_are_not_named(tmp_path: Path) -> None:
    assert stale(tmp_path, "2", "2", "2", "2") == []
    asked = (tmp_path / "asked").read_text()
    assert "https://consul-1.servers.here.svc:8501/v1/agent/self" in asked
    assert "https://consul-client-0.clients.here.svc:8501/v1/agent/self" in asked
    assert SECRET not in asked
    assert f"X-Consul-Token: {SECRET}" in (tmp_path / "header").read_text()


def test_others_are_named_with_what_they_say(tmp_path: Path) -> None:
    assert stale(tmp_path, "1", "2", "down", "") == [
        "server:consul-0 uses tokens of the generation 1",
        "server:consul-2: curl: (7) refused",
        "client:consul-client-0 uses tokens of the generation unknown",
    ]
