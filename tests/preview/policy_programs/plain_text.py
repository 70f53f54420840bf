"""Secrets in Secrets, ConfigMaps, variables and arguments."""

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from tests.preview.policy_programs.cluster import NAMESPACE, cluster, deployment
from tests.preview.policy_programs.values import KEY, PASSWORD, TOKEN

consul = cluster()
# No violations: Pulumi's Kubernetes provider marks the values of both as secret.
Secret("unmarked", metadata={"name": "unmarked", "namespace": NAMESPACE}, string_data={"password": PASSWORD})
Secret("marked", metadata={"name": "marked"}, string_data={"password": pulumi.Output.secret(PASSWORD)})
ConfigMap("derived", metadata={"name": "derived", "namespace": NAMESPACE}, data={"key": consul.gossip_key})
ConfigMap(
    "written",
    metadata={"name": "written", "namespace": NAMESPACE},
    data={"agent.hcl": f'encrypt = "{KEY}"\nserver = true'},
)
deployment(
    "caller",
    {
        "name": "web",
        "image": "example/web:1.0",
        "env": [{"name": "CONSUL_HTTP_TOKEN", "value": TOKEN}, {"name": "CONSUL_CACERT", "value": "/tls/ca.pem"}],
        "args": ["web", "-token", TOKEN],
    },
)
