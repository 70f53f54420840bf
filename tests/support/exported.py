"""A made-up output of `pulumi stack export` for a stack with Consul clusters."""

from typing import Any

from components.identity import COMPONENT_TYPE

CA_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nTUlORQ==\n-----END CERTIFICATE-----\n"

# An encrypted secret in the state, https://www.pulumi.com/docs/iac/concepts/secrets/
_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "djE6…"}


def exported(*clusters: tuple[str, str], ca: bool = True) -> dict[str, Any]:
    """Return the state of a stack with clusters of these names and namespaces; `ca` says whether they have a CA."""
    stack = "urn:pulumi:blue::shop::pulumi:pulumi:Stack::shop-blue"
    resources: list[dict[str, Any]] = [{"urn": stack, "type": "pulumi:pulumi:Stack"}]
    for name, namespace in clusters:
        # Each cluster has a parent of its own type, so that two may have the same name.
        urn = f"urn:pulumi:blue::shop::shop:index:{namespace.title()}${COMPONENT_TYPE}::{name}"
        resources.append({"urn": urn, "type": COMPONENT_TYPE, "inputs": {"namespace": namespace}, "parent": stack})
        if ca:
            type_ = "tls:index/selfSignedCert:SelfSignedCert"
            child = {"urn": f"{urn}-ca", "type": type_, "parent": urn}
            resources.append(child | {"inputs": {"privateKeyPem": _SECRET}, "outputs": {"certPem": CA_CERTIFICATE}})
    return {"version": 3, "deployment": {"resources": resources}}
