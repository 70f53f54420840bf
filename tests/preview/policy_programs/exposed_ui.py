"""Services, an Ingress and routes outside the component that expose the UI."""

from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.networking.v1 import Ingress

from tests.preview.policy_programs.cluster import NAMESPACE, SERVERS, cluster

cluster()
Service(
    "open",
    metadata={"name": "open", "namespace": NAMESPACE},
    spec={"type": "LoadBalancer", "selector": SERVERS, "ports": [{"port": 443, "target_port": 8501}]},
)
Service(
    "first",
    metadata={"name": "first", "namespace": NAMESPACE},
    spec={
        "type": "NodePort",
        "selector": {"statefulset.kubernetes.io/pod-name": "consul-0"},
        "ports": [{"port": 443, "target_port": 8501}],
    },
)
Ingress(
    "open",
    metadata={"name": "open", "namespace": NAMESPACE},
    spec={
        "rules": [
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "path_type": "Prefix",
                            "backend": {"service": {"name": "consul-ui", "port": {"number": 8501}}},
                        }
                    ]
                }
            }
        ]
    },
)
CustomResource(
    "open",
    api_version="gateway.networking.k8s.io/v1",
    kind="HTTPRoute",
    metadata={"name": "open", "namespace": "edge"},
    spec={"rules": [{"backendRefs": [{"name": "open", "namespace": NAMESPACE, "port": 443}]}]},
)
CustomResource(
    "tls",
    api_version="traefik.io/v1alpha1",
    kind="IngressRouteTCP",
    metadata={"name": "tls", "namespace": NAMESPACE},
    spec={
        "routes": [{"match": "HostSNI(`consul.localhost`)", "services": [{"name": "consul-ui", "port": 8501}]}],
        "tls": {"passthrough": True},
    },
)
