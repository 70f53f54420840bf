"""Servers that verify no client certificate and offer plain HTTP, and a caller that verifies no certificate."""

import json
from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster, deployment


def weaken_tls(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    config = json.loads(props["data"]["server.json"])
    del config["tls"]["internal_rpc"]["verify_incoming"]
    config["tls"]["defaults"]["tls_min_version"] = "TLSv1_1"
    config["addresses"]["http"] = "0.0.0.0"  # noqa: S104 - the policy must refuse it
    props["data"]["server.json"] = json.dumps(config)


cluster({"ConfigMap consul": weaken_tls})
deployment(
    "caller", {"name": "web", "image": "example/web:1.0", "env": [{"name": "CONSUL_HTTP_SSL_VERIFY", "value": "false"}]}
)
