"""The policy pack, for stacks of this project and of others: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

# The pack uses pure modules of the component, whose folder is beside this one.
sys.path.insert(0, str(Path(__file__).parents[1]))

from consul_policies import disruption, exposure, images, plain_text, protection, quorum, tls_verification
from consul_policies.registration import Rule, serve

serve(
    "consul-cluster",
    [
        Rule(
            "no-exposed-ui",
            "In production, nothing outside the Kubernetes cluster can reach Consul's agents and their UI.",
            exposure.exposed_ui,
        ),
        Rule(
            "sound-quorum",
            "The servers can elect a leader, and keep one while pods are evicted.",
            quorum.unsound_quorum,
        ),
        Rule(
            "tls-verification",
            "Agents and their callers verify certificates, and agents offer plain HTTP on the loopback only.",
            tls_verification.unverified_tls,
        ),
        Rule(
            "no-plain-text-secrets",
            "Pulumi encrypts every secret, and Kubernetes stores it in a Secret.",
            plain_text.plain_text_secrets,
            per_resource=True,
        ),
        Rule(
            "pinned-images",
            "Every container image has a digest, or a tag other than latest.",
            images.unpinned_images,
            per_resource=True,
        ),
        Rule(
            "budget-and-spread",
            "Draining or losing a node never stops the majority of the servers.",
            disruption.missing_budget_or_spread,
        ),
        Rule(
            "protected-ca",
            "In production, Pulumi protects what cannot be recreated: the CA's key, the servers, their volumes.",
            protection.unprotected_resources,
        ),
    ],
)
