"""A CA's private key and servers without Pulumi's `protect`."""

from typing import Any

import pulumi

from tests.preview.policy_programs.cluster import cluster


def unprotect(props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
    opts.protect = False


cluster({"PrivateKey consul-ca": unprotect, "StatefulSet consul": unprotect})
