"""A CA's key and servers that an update may delete."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def unprotected(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    opts.protect = False


cluster({"PrivateKey consul-ca": unprotected, "StatefulSet consul": unprotected})
