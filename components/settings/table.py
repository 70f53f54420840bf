"""The table of settings. Pure.

Each setting is one field: its type, its default, and a `Setting` that documents it. Error messages, Pulumi.yaml,
docs/settings.md, the plugin's schema and the refusals are derived from these fields (`make docs` writes the files).
"""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from components.settings.parsing import ParsedSettings
from components.settings.problems import Problem, SettingsError
from components.settings.rules import misfits
from components.settings.setting import (
    IN_PLACE,
    ROLLING_UPDATE,
    Change,
    Setting,
    guarded,
    key_generations,
    refused,
    rolling,
    token_generations,
)
from components.settings.value_types import (
    RESOURCES_ALLOWED,
    AbsolutePath,
    Count,
    Domain,
    Generations,
    Image,
    Label,
    MaxUnavailable,
    Namespace,
    NodeName,
    OptionalLabel,
    OptionalName,
    Port,
    PositiveHours,
    Quantity,
    RaftMultiplier,
    ResourceAmounts,
    Resources,
    ServerCount,
    ServiceToken,
    Toleration,
)

_OTHER_NAME = "the servers verify each other by it, so updated servers could not talk to the others"
_OTHER_STATEFUL_SET = "Kubernetes would have to replace the servers' StatefulSet, which stops all servers at once"


class Settings(ParsedSettings):
    """A stack's settings."""

    environment: Annotated[
        Literal["development", "production"],
        Setting(
            purpose="The profile: production enforces redundancy, ACLs and protection against deletion",
            allowed="development or production",
            change=guarded("to `production`: rolling update; to `development`: refused", restarts_servers=True),
        ),
    ]
    namespace: Annotated[
        Namespace,
        Setting(
            purpose="The namespace that the stack creates for the cluster",
            allowed="a namespace name (lower-case letters, digits and -, at most 63) other than default and kube-*",
            change=refused("every object would be replaced, the servers' StatefulSet among them"),
        ),
    ] = "consul"
    datacenter: Annotated[
        Label,
        Setting(
            purpose="The name of the Consul datacenter",
            allowed="lower-case letters, digits and -, at most 63",
            change=refused(_OTHER_NAME),
        ),
    ] = "dc1"
    domain: Annotated[
        Domain,
        Setting(
            purpose="The DNS domain that Consul serves",
            allowed="a DNS domain that Kubernetes does not serve (not cluster.local)",
            change=refused(_OTHER_NAME),
        ),
    ] = "consul"
    image: Annotated[
        Image,
        Setting(
            purpose="The Consul image",
            allowed="an image with a tag other than latest, or with a digest: name:tag or name@sha256:…",
            change=ROLLING_UPDATE,
        ),
    ] = "hashicorp/consul:1.22.6"
    server_replicas: Annotated[
        ServerCount,
        Setting(
            purpose="The number of servers",
            allowed="an odd number from 1 to 7; in production 3, 5 or 7",
            change=guarded(
                "in place, restarts no pod; refused if it removes more servers at once than the cluster tolerates "
                "losing, which is (n-1)/2, and one fewer together with a rolling update"
            ),
        ),
    ] = 3
    client_replicas: Annotated[
        Count,
        Setting(
            purpose="The number of clients",
            allowed="0 or more",
            change=Change("in place, restarts no pod"),
        ),
    ] = 3
    client_max_unavailable: Annotated[
        MaxUnavailable,
        Setting(
            purpose="How many clients a rolling update restarts at a time. Values other than 1 need the feature gate "
            "MaxUnavailableStatefulSet of Kubernetes",
            allowed="a number, 1 or more, or a percentage of clientReplicas from 1% to 100%, which Kubernetes rounds "
            "down, but not to zero",
            change=Change("in place, restarts no pod"),
        ),
    ] = "1"
    client_min_ready_seconds: Annotated[
        Count,
        Setting(
            purpose="How long a client must be ready before a rolling update restarts the next one. A client that "
            "restarts loses the services registered with it, and their owners need time to register them again",
            allowed="seconds, 0 or more",
            change=Change("in place, restarts no pod"),
        ),
    ] = 10
    server_resources: Annotated[
        Resources,
        Setting(
            purpose="A server's resource requests and limits, which replace the default as a whole",
            allowed=RESOURCES_ALLOWED,
            change=rolling("rolling update of the servers"),
        ),
    ] = Resources(requests=ResourceAmounts(cpu="100m", memory="128Mi"), limits=ResourceAmounts(memory="512Mi"))
    client_resources: Annotated[
        Resources,
        Setting(
            purpose="A client's resource requests and limits, which replace the default as a whole",
            allowed=RESOURCES_ALLOWED,
            change=Change("rolling update of the clients"),
        ),
    ] = Resources(requests=ResourceAmounts(cpu="50m", memory="64Mi"), limits=ResourceAmounts(memory="256Mi"))
    storage_size: Annotated[
        Quantity,
        Setting(
            purpose="The size of a server's volume",
            allowed='a quantity above zero, such as "10Gi"',
            change=refused(_OTHER_STATEFUL_SET),
        ),
    ] = "10Gi"
    storage_class: Annotated[
        OptionalName,
        Setting(
            purpose="The StorageClass of the servers' volumes; empty for local volumes on storageNodes",
            allowed="a StorageClass name, or empty if storageNodes lists the nodes",
            change=refused(_OTHER_STATEFUL_SET),
        ),
    ] = ""
    storage_nodes: Annotated[
        tuple[NodeName, ...],
        Setting(
            purpose="The nodes whose disks hold the servers' data: the first for consul-0, the second for consul-1, …",
            allowed="a list of node names: at least serverReplicas of them, in production each once; empty if "
            "storageClass is set",
            change=guarded("in place; append only: changing or removing a node is refused"),
        ),
    ] = ()
    storage_path: Annotated[
        AbsolutePath,
        Setting(
            purpose="The directory below which the data lies on each of storageNodes",
            allowed="an absolute path: a directory or a mounted disk that exists on each of storageNodes",
            change=refused("the servers' volumes would be replaced, and the servers would start without their data"),
        ),
    ] = "/mnt/disks/local"
    ca_validity_hours: Annotated[
        PositiveHours,
        Setting(
            purpose="The validity of the CA certificate, in hours (default: 10 years)",
            allowed="hours, 1 or more",
            change=Change("in place: new CA certificate with the same key; agents reload it"),
        ),
    ] = 87600
    certificate_validity_hours: Annotated[
        PositiveHours,
        Setting(
            purpose="The validity of the agents' certificates, in hours (default: 1 year)",
            allowed="hours, 1 or more, at most caValidityHours",
            change=Change("in place: new certificates; agents reload them"),
        ),
    ] = 8760
    certificate_renewal_hours: Annotated[
        PositiveHours,
        Setting(
            purpose="How many hours before a certificate expires an update renews it (default: 30 days)",
            allowed="hours, 1 or more, less than certificateValidityHours",
            change=Change("in place; applies from the next update on"),
        ),
    ] = 720
    ca_keys: Annotated[
        Generations,
        key_generations(
            "The generations of the CA's key. The first one signs certificates; agents trust the CA of each",
            "in place, restarts no server; the update after one that removes a generation restarts the clients",
        ),
    ] = (1,)
    gossip_keys: Annotated[
        Generations,
        key_generations(
            "The generations of the gossip key. Agents encrypt with the first one, and accept messages with each",
            "in place, restarts no pod",
        ),
    ] = (1,)
    management_keys: Annotated[
        Generations,
        token_generations("the management token", "a new first number: rolling update of the servers; else in place"),
    ] = (1,)
    agent_keys: Annotated[Generations, token_generations("the tokens of agents, DNS and the health check")] = (1,)
    metrics_keys: Annotated[Generations, token_generations("the metrics token")] = (1,)
    service_keys: Annotated[Generations, token_generations("the tokens in serviceTokens")] = (1,)
    ingress_enabled: Annotated[
        bool,
        Setting(
            purpose="Whether an Ingress exposes the web UI outside the Kubernetes cluster",
            allowed="true or false; in production false",
            change=IN_PLACE,
        ),
    ] = False
    ingress_host: Annotated[
        OptionalName,
        Setting(
            purpose="The host name of the Ingress",
            allowed="a DNS name, such as consul.example.com; required if ingressEnabled is true",
            change=IN_PLACE,
        ),
    ] = ""
    ingress_port: Annotated[
        Port,
        Setting(
            purpose="The port at which browsers reach the ingress controller over HTTPS, for the output uiUrl",
            allowed="a port, 1 to 65535",
            change=IN_PLACE,
        ),
    ] = 443
    ingress_class: Annotated[
        OptionalName,
        Setting(
            purpose="The IngressClass of the Ingress; empty for the default class",
            allowed="an IngressClass name, or empty for the default class",
            change=IN_PLACE,
        ),
    ] = ""
    ingress_annotations: Annotated[
        dict[str, str],
        Setting(
            purpose="Annotations for the ingress controller",
            allowed="a map of strings: annotations for the ingress controller",
            change=IN_PLACE,
        ),
    ] = {}  # noqa: RUF012
    ingress_namespace: Annotated[
        OptionalLabel,
        Setting(
            purpose="The namespace of the ingress controller's pods, which may call the servers' HTTPS port",
            allowed="a namespace name, or empty if the ingress controller's pods use the host network: any caller may "
            "then reach the servers' HTTPS port",
            change=IN_PLACE,
        ),
    ] = ""
    ingress_tls_secret: Annotated[
        OptionalName,
        Setting(
            purpose="The TLS Secret of the Ingress; empty for a certificate signed by the cluster's own CA",
            allowed="the name of a kubernetes.io/tls Secret in the cluster's namespace, or empty for a certificate "
            "signed by the cluster's own CA",
            change=IN_PLACE,
        ),
    ] = ""
    ingress_await: Annotated[
        bool,
        Setting(
            purpose="Whether an update waits, at most 10 minutes, until the ingress controller reports an address",
            allowed="true or false",
            change=IN_PLACE,
        ),
    ] = False
    acl_enabled: Annotated[
        bool,
        Setting(
            purpose="Whether Consul's ACLs deny what no token allows",
            allowed="true or false; in production true",
            change=guarded("to `true`: rolling update; to `false`: refused", restarts_servers=True),
        ),
    ] = True
    client_namespaces: Annotated[
        tuple[Label, ...],
        Setting(
            purpose="The namespaces whose pods may call the clients and query Consul's DNS",
            allowed="a list of namespace names",
            change=IN_PLACE,
        ),
    ] = ()
    service_tokens: Annotated[
        tuple[ServiceToken, ...],
        Setting(
            purpose="The services of other projects: each gets a token that may register it. If a service has several "
            "entries, such as `web/2` and `web`, the output has the token of the first one",
            allowed="a list of service names (lower-case letters, digits and -, at most 63; not consul), optionally "
            "with a number, such as web/2, for another token; no entry twice; empty if aclEnabled is false",
            change=Change("in place, restarts no pod; removing an entry revokes its token"),
        ),
    ] = ()
    monitoring: Annotated[
        Literal["none", "annotations", "operator"],
        Setting(
            purpose="How Prometheus finds the agents' metrics and alerts",
            allowed="none, annotations (prometheus.io/… on the pods) or operator (ServiceMonitor and PrometheusRule)",
            change=rolling("to or from `annotations`: rolling update; else in place"),
        ),
    ] = "none"
    monitoring_namespace: Annotated[
        OptionalLabel,
        Setting(
            purpose="The namespace of Prometheus' pods, which may call the agents' HTTPS port",
            allowed="a namespace name; required if monitoring is not none",
            change=IN_PLACE,
        ),
    ] = ""
    priority_class: Annotated[
        OptionalName,
        Setting(
            purpose="The PriorityClass of the agents' pods; empty for the default class",
            allowed="a PriorityClass name, or empty for the default class",
            change=ROLLING_UPDATE,
        ),
    ] = ""
    node_selector: Annotated[
        dict[str, str],
        Setting(
            purpose="Labels that a node must have to run agents",
            allowed="a map of strings: node labels",
            change=ROLLING_UPDATE,
        ),
    ] = {}  # noqa: RUF012
    tolerations: Annotated[
        tuple[Toleration, ...],
        Setting(
            purpose="Node taints that the agents' pods tolerate",
            allowed="a list of Kubernetes tolerations: {key, operator: Exists or Equal, value, effect: NoSchedule, "
            "PreferNoSchedule or NoExecute, tolerationSeconds}",
            change=ROLLING_UPDATE,
        ),
    ] = ()
    allow_degraded: Annotated[
        bool,
        Setting(
            purpose="Whether an update may restart or remove servers of a degraded cluster. Set it for one "
            "update only, to repair the cluster",
            allowed="true or false",
            change=Change("in place; runs the pre-flight check and the health check again"),
        ),
    ] = False
    raft_multiplier: Annotated[
        RaftMultiplier,
        Setting(
            purpose="The factor by which Raft's timeouts are scaled (Consul's performance.raft_multiplier)",
            allowed="a number from 1 to 10",
            change=ROLLING_UPDATE,
        ),
    ] = 1
    log_level: Annotated[
        Literal["trace", "debug", "info", "warn", "error"],
        Setting(
            purpose="The agents' log level",
            allowed="trace, debug, info, warn or error",
            change=ROLLING_UPDATE,
        ),
    ] = "info"

    @property
    def production(self) -> bool:
        """Return whether the environment is production."""
        return self.environment == "production"

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        by_name = {entry.name: entry for entry in self.entries()}
        problems = [
            Problem(by_name[name].key, getattr(self, name), by_name[name].setting.allowed) for name in misfits(self)
        ]
        if problems:
            raise SettingsError(problems)
        return self
