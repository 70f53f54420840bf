"""ACL tokens and their rules."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.acl.tokens import MANAGEMENT, acl_config, agent_tokens, service_tokens
from components.naming import Naming
from tests.support.graph import production

NAMING = Naming("consul", "consul")
TOKENS = {token.name: token for token in agent_tokens(NAMING)}


@given(st.text(min_size=1))
def test_a_token_is_a_unique_uuid_derived_from_the_seed(seed: str) -> None:
    tokens = [*TOKENS.values(), MANAGEMENT, *service_tokens(production(service_tokens=("web", "api")))]
    ids = [id_ for token in tokens for id_ in (token.secret_id(seed), token.accessor_id(seed))]
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(id_)) == id_ for id_ in ids)
    assert TOKENS["server"].secret_id(seed) == TOKENS["server"].secret_id(seed)
    assert TOKENS["server"].secret_id(seed) != TOKENS["server"].secret_id(seed + "x")


def test_the_default_is_deny_and_only_servers_hold_operator_tokens() -> None:
    server = acl_config("seed", TOKENS["server"], TOKENS["dns"], server=True)["acl"]
    client = acl_config("seed", TOKENS["client"], TOKENS["dns"], server=False)["acl"]
    assert server["default_policy"] == client["default_policy"] == "deny"
    assert server["tokens"]["initial_management"] == MANAGEMENT.secret_id("seed")
    assert MANAGEMENT.secret_id("seed") not in json.dumps(client)


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("server", ["node_prefix"]),
        ("client", ["node_prefix", "agent_prefix"]),
        ("dns", []),
        ("health", ["operator", "keyring"]),
        ("metrics", []),
    ],
)
def test_each_role_may_write_what_it_must(name: str, writes: list[str]) -> None:
    lines = [line for line in TOKENS[name].rules.splitlines() if "write" in line]
    assert [line.split()[0] for line in lines] == writes
    assert not [line for line in lines if '_prefix "" ' in line]


def test_a_services_token_is_for_that_service() -> None:
    (token,) = service_tokens(production(service_tokens=("web",)))
    request = token.request("seed")
    assert request["ServiceIdentities"] == [{"ServiceName": "web"}]
    assert "Policies" not in request
