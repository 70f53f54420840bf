"""ACL tokens and their rules."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.acl.tokens import accessor_ids, acl_config, all_tokens
from components.naming import Naming
from tests.support.graph import production

NAMING = Naming("consul", "consul")
SETTINGS = production(service_tokens=("web", "api"))
TOKENS = all_tokens(NAMING, SETTINGS)
SEEDS = {1: "seed", 2: "other"}


@given(st.text(min_size=1))
def test_a_token_is_a_unique_uuid_derived_from_the_seed(seed: str) -> None:
    ids = [id_ for token in TOKENS.values() for id_ in (token.secret_id(seed), token.accessor_id(seed))]
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(id_)) == id_ for id_ in ids)
    assert TOKENS["server"].secret_id(seed) == TOKENS["server"].secret_id(seed)
    assert TOKENS["server"].secret_id(seed) != TOKENS["server"].secret_id(seed + "x")


def test_the_default_is_deny_and_only_servers_hold_operator_tokens() -> None:
    server, client = (acl_config(SEEDS, TOKENS, role)["acl"] for role in ("server", "client"))
    assert server["default_policy"] == client["default_policy"] == "deny"
    assert server["tokens"]["initial_management"] == TOKENS["management"].secret_id("seed")
    assert TOKENS["management"].secret_id("seed") not in json.dumps(client)


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
    request = TOKENS["service-web"].request("seed", 1)
    assert request["ServiceIdentities"] == [{"ServiceName": "web"}]
    assert "Policies" not in request


def test_agents_use_the_first_generation_and_show_it() -> None:
    tokens = all_tokens(NAMING, production(agent_keys=(2, 1), management_keys=(3,)))
    seeds = {1: "one", 2: "two", 3: "three"}
    config = acl_config(seeds, tokens, "server")
    assert config["node_meta"] == {"token-generation": "2"}
    assert config["acl"]["tokens"] == {
        "agent": tokens["server"].secret_id("two"),
        "dns": tokens["dns"].secret_id("two"),
        "initial_management": tokens["management"].secret_id("three"),
    }


def test_the_tokens_of_all_generations_have_accessors_and_descriptions() -> None:
    tokens = all_tokens(NAMING, production(metrics_keys=(2, 1), service_tokens=()))
    ids = accessor_ids(tokens, SEEDS)
    metrics = tokens["metrics"]
    assert len(ids) == len(set(ids)) == len(tokens) + 1
    assert {metrics.accessor_id("seed"), metrics.accessor_id("other")} <= set(ids)
    descriptions = [metrics.request(SEEDS[generation], generation)["Description"] for generation in (1, 2)]
    assert descriptions == ["consul-cluster metrics", "consul-cluster metrics-2"]
    assert tokens["management"].request("seed", 1)["Policies"] == [{"Name": "global-management"}]
