"""The types of the settings' values, with the checks that need only one value. Pure."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from components.images import is_pinned
from components.settings.quantities import quantity

# An RFC 1123 label, which Kubernetes requires of a namespace's name.
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"


def _number_as_text(value: object) -> object:
    """Return a number as text, because Kubernetes also accepts a number as a quantity."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _positive_quantity(text: str) -> str:
    if quantity(text) <= 0:
        raise ValueError("a quantity must be greater than zero")
    return text


def _pinned_image(text: str) -> str:
    if not is_pinned(text):
        raise ValueError("an image must have a tag or a digest")
    return text


def _own_namespace(text: str) -> str:
    if text == "default" or text.startswith("kube-"):
        raise ValueError("the stack creates and deletes its namespace")
    return text


def _foreign_service(text: str) -> str:
    if text.partition("/")[0] == "consul":
        raise ValueError("the servers register the service consul")
    return text


def _distinct(generations: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(generations)) < len(generations):
        raise ValueError("generations must be different")
    return generations


def _consul_domain(text: str) -> str:
    if f".{text}".endswith((".cluster.local", ".svc")):
        raise ValueError("Kubernetes' DNS serves this domain")
    return text


Quantity = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_positive_quantity)]
Label = Annotated[str, Field(pattern=f"^{_LABEL}$")]
OptionalLabel = Annotated[str, Field(pattern=f"^({_LABEL})?$")]
OptionalName = Annotated[str, Field(pattern=f"^({_SUBDOMAIN})?$", max_length=253)]
NodeName = Annotated[str, Field(pattern=f"^{_SUBDOMAIN}$", max_length=253)]
Namespace = Annotated[Label, AfterValidator(_own_namespace)]
Domain = Annotated[str, Field(pattern=f"^{_SUBDOMAIN}$"), AfterValidator(_consul_domain)]
Image = Annotated[str, AfterValidator(_pinned_image)]
AbsolutePath = Annotated[str, Field(pattern=r"^(/[^/:\s]+)+$")]
ServiceToken = Annotated[str, Field(pattern=f"^{_LABEL}(/[0-9]+)?$"), AfterValidator(_foreign_service)]
Count = Annotated[int, Field(ge=0)]
# Kubernetes' maxUnavailable: a number of pods, or a share of them. Kubernetes refuses zero and more than 100 %.
MaxUnavailable = Annotated[
    str, BeforeValidator(_number_as_text), Field(pattern="^([1-9][0-9]{0,8}|([1-9][0-9]?|100)%)$")
]
# At most two at a time: the key in use, and the one that replaces it.
Generations = Annotated[
    tuple[Annotated[int, Field(ge=1, le=999_999)], ...], Field(min_length=1, max_length=2), AfterValidator(_distinct)
]
MOST_SERVERS = 7
ServerCount = Annotated[int, Field(ge=1, le=MOST_SERVERS)]
RaftMultiplier = Annotated[int, Field(ge=1, le=10)]
PositiveHours = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsModel(BaseModel):
    """The base of every model: keys are camelCase, unknown keys are errors, and values are not converted."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True, validate_by_name=True)


class ResourceAmounts(SettingsModel):
    """Amounts of CPU, memory and node-local disk, as Kubernetes quantities; None is an amount that is not set."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = None


class Resources(SettingsModel):
    """A container's resource requests and limits."""

    requests: ResourceAmounts = ResourceAmounts()
    limits: ResourceAmounts = ResourceAmounts()

    @model_validator(mode="after")
    def _requests_fit_limits(self) -> Self:
        for resource in ResourceAmounts.model_fields:
            request, limit = getattr(self.requests, resource), getattr(self.limits, resource)
            if request and limit and quantity(request) > quantity(limit):
                raise ValueError("a request must not exceed its limit")
        return self


RESOURCES_ALLOWED = (
    "Kubernetes resources: {requests: {cpu, memory, ephemeralStorage}, limits: {cpu, memory, ephemeralStorage}}, each "
    'a quantity above zero such as "250m" or "512Mi", no request above its limit'
)
"""The values of resources that are allowed, as the documentation states them."""


class Toleration(SettingsModel):
    """A Kubernetes toleration: a node taint that a pod tolerates."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None
