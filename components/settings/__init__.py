"""What a stack may say, validated before the first resource is registered. Pure: knows nothing of Pulumi."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from components.identity import PROJECT
from components.images import is_pinned

# RFC 1123 label, as Kubernetes wants it for a namespace.
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_SUFFIXES = {suffix: Decimal(1000) ** power for power, suffix in enumerate("num kMGTPE", start=-3)} | {
    f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)
}


class Problem(NamedTuple):
    """One setting that cannot be used: its key, the value it has, and what would be allowed."""

    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        value = "(not set)" if self.value is None else json.dumps(self.value, default=str)
        return f"{PROJECT}:{self.key} = {value} cannot be used; allowed: {self.allowed}"


class SettingsError(ValueError):
    """The stack's settings cannot be used; the message has one line a problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def quantity(text: str) -> Decimal:
    """The number a Kubernetes quantity stands for (`100m` is 0.1, `1Ki` is 1024).

    Raises ValueError where the text is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity")
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return number * Decimal(10) ** int(suffix[1:])
    return number * (_SUFFIXES[suffix] if suffix else 1)


def _quantity_text(value: object) -> object:
    """Kubernetes takes numbers for quantities, too."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _positive_quantity(text: str) -> str:
    if quantity(text) <= 0:
        raise ValueError("a quantity is above zero")
    return text


def _pinned_image(text: str) -> str:
    if not is_pinned(text):
        raise ValueError("an image has a tag or a digest")
    return text


def _own_namespace(text: str) -> str:
    if text == "default" or text.startswith("kube-"):
        raise ValueError("the stack makes and removes its namespace")
    return text


def _own_service(text: str) -> str:
    if text.partition("/")[0] == "consul":
        raise ValueError("the servers register it")
    return text


def _consul_domain(text: str) -> str:
    if f".{text}".endswith((".cluster.local", ".svc")):
        raise ValueError("Kubernetes answers for that domain")
    return text


Quantity = Annotated[str, BeforeValidator(_quantity_text), AfterValidator(_positive_quantity)]
Label = Annotated[str, Field(pattern=f"^{_LABEL}$")]
OptionalName = Annotated[str, Field(pattern=f"^({_SUBDOMAIN})?$", max_length=253)]
OptionalLabel = Annotated[str, Field(pattern=f"^({_LABEL})?$")]
Hours = Annotated[int, Field(ge=1)]

_RESOURCES = (
    "Kubernetes resources: {requests: {cpu, memory, ephemeralStorage}, limits: {cpu, memory, ephemeralStorage}}, each "
    'a quantity above zero such as "250m" or "512Mi", no request above its limit'
)


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True, validate_by_name=True)


class ResourceAmounts(_Model):
    """Amounts of CPU, memory and the node's own disk, as Kubernetes quantities; what is left out is not set."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = None


class Resources(_Model):
    """A container's resource requests and limits."""

    requests: ResourceAmounts = ResourceAmounts()
    limits: ResourceAmounts = ResourceAmounts()

    @model_validator(mode="after")
    def _requests_fit_limits(self) -> Self:
        for resource in ResourceAmounts.model_fields:
            request, limit = getattr(self.requests, resource), getattr(self.limits, resource)
            if request and limit and quantity(request) > quantity(limit):
                raise ValueError("a request is at most its limit")
        return self


class Toleration(_Model):
    """A toleration as Kubernetes has it: which of a node's taints a pod puts up with."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class Settings(_Model):
    """A stack's settings. A field's description says what is allowed, in errors and in the README's table."""

    environment: Literal["development", "production"] = Field(description="development or production")
    namespace: Annotated[Label, AfterValidator(_own_namespace)] = Field(
        default="consul",
        description="a namespace's name (lower-case letters, digits and -, at most 63) that the stack makes, "
        "so neither default nor kube-*",
    )
    datacenter: Label = Field(default="dc1", description="lower-case letters, digits and -, at most 63")
    domain: Annotated[str, Field(pattern=f"^{_SUBDOMAIN}$"), AfterValidator(_consul_domain)] = Field(
        default="consul", description="a DNS domain, and not one that Kubernetes answers for (cluster.local)"
    )
    image: Annotated[str, AfterValidator(_pinned_image)] = Field(
        default="hashicorp/consul:1.22.6",
        description="an image with a tag other than latest, or with a digest: name:tag or name@sha256:…",
    )
    server_replicas: int = Field(
        default=3, ge=1, le=7, description="an odd number from 1 to 7; in production 3, 5 or 7"
    )
    client_replicas: int = Field(default=3, ge=0, description="0 or more")
    server_resources: Resources = Field(
        default=Resources(requests=ResourceAmounts(cpu="100m", memory="128Mi"), limits=ResourceAmounts(memory="512Mi")),
        description=_RESOURCES,
    )
    client_resources: Resources = Field(
        default=Resources(requests=ResourceAmounts(cpu="50m", memory="64Mi"), limits=ResourceAmounts(memory="256Mi")),
        description=_RESOURCES,
    )
    storage_size: Quantity = Field(default="10Gi", description='a quantity above zero, such as "10Gi"')
    storage_class: OptionalName = Field(
        default="", description="a StorageClass's name, or empty where storageNodes has the nodes"
    )
    storage_nodes: tuple[Annotated[str, Field(pattern=f"^{_SUBDOMAIN}$", max_length=253)], ...] = Field(
        default=(),
        description="names of nodes, the first for consul-0's volume, the second for consul-1's, …: at least "
        "as many as serverReplicas, in production each once; none where storageClass is set",
    )
    storage_path: Annotated[str, Field(pattern=r"^(/[^/:\s]+)+$")] = Field(
        default="/mnt/disks/local",
        description="an absolute path: a directory or mounted disk that is on each of storageNodes",
    )
    ca_validity_hours: Hours = Field(default=87600, description="hours, 1 or more")
    certificate_validity_hours: Hours = Field(default=8760, description="hours, 1 or more, at most caValidityHours")
    certificate_renewal_hours: int = Field(
        default=720, ge=0, description="hours, 0 or more, less than certificateValidityHours"
    )
    ingress_enabled: bool = Field(default=False, description="true or false; in production false")
    ingress_host: OptionalName = Field(
        default="", description="a DNS name, such as consul.example.com; needed where ingressEnabled is true"
    )
    ingress_class: OptionalName = Field(
        default="", description="an IngressClass's name, or empty for the cluster's default"
    )
    ingress_annotations: dict[str, str] = Field(
        default={}, description="the Ingress's annotations, texts by their keys, as the controller wants them"
    )
    ingress_namespace: OptionalLabel = Field(
        default="",
        description="the namespace of the ingress controller's pods, or empty where they are on the nodes' own "
        "network: then the servers' HTTPS port is open to all",
    )
    ingress_tls_secret: OptionalName = Field(
        default="",
        description="a kubernetes.io/tls Secret's name in the cluster's namespace, or empty for a certificate of the "
        "cluster's own CA",
    )
    ingress_await: bool = Field(
        default=False, description="true or false: whether an update waits until the controller reports an address"
    )
    acl_enabled: bool = Field(default=True, description="true or false; in production true")
    client_namespaces: tuple[Label, ...] = Field(
        default=(), description="names of namespaces whose pods may call the clients and ask Consul's DNS"
    )
    service_tokens: tuple[Annotated[str, Field(pattern=f"^{_LABEL}(/[0-9]+)?$"), AfterValidator(_own_service)], ...] = (
        Field(
            default=(),
            description="names of services, each once (lower-case letters, digits and -, at most 63; not consul): each "
            "gets a token that may register it, and another one with a number behind it, such as web/2; none without "
            "ACLs",
        )
    )
    monitoring: Literal["none", "annotations", "operator"] = Field(
        default="none",
        description="none, annotations (prometheus.io/… on the pods) or operator (ServiceMonitor and PrometheusRule)",
    )
    monitoring_namespace: OptionalLabel = Field(
        default="", description="the namespace of Prometheus' pods; needed where monitoring is not none"
    )
    priority_class: OptionalName = Field(
        default="", description="a PriorityClass's name for the agents, or empty for the cluster's default"
    )
    node_selector: dict[str, str] = Field(
        default={}, description="labels, texts by their keys, that a node must have to run agents"
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(),
        description="Kubernetes tolerations for the agents: {key, operator: Exists or Equal, value, effect: "
        "NoSchedule, PreferNoSchedule or NoExecute, tolerationSeconds}",
    )
    raft_multiplier: int = Field(default=1, ge=1, le=10, description="a number from 1 to 10")
    log_level: Literal["trace", "debug", "info", "warn", "error"] = Field(
        default="info", description="trace, debug, info, warn or error"
    )

    @property
    def production(self) -> bool:
        """Whether the profile is production's."""
        return self.environment == "production"

    @model_validator(mode="after")
    def _settings_fit_each_other(self) -> Self:
        problems = list(_misfits(self))
        if problems:
            raise SettingsError(problems)
        return self

    @classmethod
    def parse(cls, config: Mapping[str, str]) -> Self:
        """Settings from a stack's configuration: camelCase keys, values as Pulumi hands them over (text).

        Raises SettingsError, which names every key that cannot be used.
        """
        fields = {field.alias: field for field in cls.model_fields.values()}
        values = {key: _decode(fields.get(key), text) for key, text in config.items()}
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise SettingsError(_problems(error, values)) from None


def _decode(field: FieldInfo | None, text: str) -> Any:
    """What a setting's text stands for: the text itself, or the JSON of a number, truth value, list or object."""
    if field is None or isinstance(field.default, str) or field.is_required():
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problems(error: ValidationError, values: Mapping[str, Any]) -> list[Problem]:
    """The problems that pydantic found, at most one a key, in the terms of the stack's configuration."""
    problems: dict[str, Problem] = {}
    keys = {field.alias: field for field in Settings.model_fields.values()}
    for detail in error.errors():
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SettingsError):
            return cause.problems
        key = str(detail["loc"][0])
        field = keys.get(key)
        allowed = field.description if field else f"one of the keys {', '.join(sorted(filter(None, keys)))}"
        problems.setdefault(key, Problem(key, values.get(key), allowed or ""))
    return list(problems.values())


def _misfits(settings: Settings) -> Iterator[Problem]:
    """Settings that are sound one by one but not together."""

    def problem(field: str) -> Problem:
        key = to_camel(field)
        return Problem(key, getattr(settings, field), Settings.model_fields[field].description or "")

    servers, nodes = settings.server_replicas, settings.storage_nodes
    nodes_short = not settings.storage_class and len(nodes) < servers
    if servers % 2 == 0 or (settings.production and servers < 3):
        yield problem("server_replicas")
    elif settings.storage_class and nodes:
        yield problem("storage_class")
    elif nodes_short or (settings.production and len(set(nodes)) < len(nodes)):
        yield problem("storage_nodes")
    if settings.certificate_validity_hours > settings.ca_validity_hours:
        yield problem("certificate_validity_hours")
    if settings.certificate_renewal_hours >= settings.certificate_validity_hours:
        yield problem("certificate_renewal_hours")
    if settings.ingress_enabled and settings.production:
        yield problem("ingress_enabled")
    elif settings.ingress_enabled and not settings.ingress_host:
        yield problem("ingress_host")
    if settings.production and not settings.acl_enabled:
        yield problem("acl_enabled")
    services = [entry.partition("/")[0] for entry in settings.service_tokens]
    if len(set(services)) < len(services) or (services and not settings.acl_enabled):
        yield problem("service_tokens")
    if settings.monitoring != "none" and not settings.monitoring_namespace:
        yield problem("monitoring_namespace")
