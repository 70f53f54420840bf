"""The policy pack: `pulumi preview --policy-pack policy`, in this project and any other with a ConsulCluster."""

import sys
from pathlib import Path

# The pack shares rules with the component, which is beside this folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

from consul_policies import authority, disruption, exposure, images, plain_text, quorum, tls_verification
from consul_policies.registration import Rule, serve

serve(
    "consul-cluster",
    [
        Rule(
            "no-exposed-ui",
            "In production nothing outside the Kubernetes cluster reaches Consul's agents and their UI.",
            exposure.exposed_ui,
        ),
        Rule(
            "sound-quorum",
            "The servers can elect a leader, and keep one while pods are evicted.",
            quorum.unsound_quorum,
        ),
        Rule(
            "tls-verification",
            "Agents and their callers verify each other's certificates, and speak plain HTTP to themselves only.",
            tls_verification.unverified_tls,
        ),
        Rule(
            "no-plain-text-secrets",
            "Secrets are secrets for Pulumi and for Kubernetes.",
            plain_text.plain_text_secrets,
            alone=True,
        ),
        Rule(
            "pinned-images",
            "An image means the same program tomorrow.",
            images.unpinned_images,
            alone=True,
        ),
        Rule(
            "budget-and-spread",
            "No drained or lost node takes the majority of the servers.",
            disruption.missing_budget_or_spread,
        ),
        Rule(
            "protected-ca",
            "In production what cannot be had again is protected: the CA's key, the servers, their volumes.",
            authority.unprotected,
        ),
    ],
)
