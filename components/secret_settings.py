"""Keep settings secret that are secrets in the stack's configuration: in the state, in previews and in outputs."""

from collections.abc import Iterator
from typing import Any, Literal, cast, get_origin

import pulumi

from components.settings import Settings

# A shorter text is in many strings by chance. Pulumi's own filter of secrets in logs has the same limit.
_SHORTEST = 3

# Outputs that contain names in the base64 of a certificate.
_ENCODED = {
    "tls:index/certRequest:CertRequest": ["certRequestPem"],
    "tls:index/locallySignedCert:LocallySignedCert": ["certPem", "certRequestPem"],
}


def component_inputs(settings: Settings) -> dict[str, Any]:
    """Return the inputs of the component: its settings."""
    inputs = settings.model_dump(mode="json", by_alias=True)
    return inputs | {key: pulumi.Output.secret(value) for key, value in settings.secrets.items()}


def hiding(settings: Settings, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Return the component's options, which hide secret settings in the inputs and outputs of all its resources."""
    opts = pulumi.ResourceOptions.merge(opts, None)
    if not (texts := _texts(settings)):
        return opts

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        encoded = pulumi.ResourceOptions(additional_secret_outputs=_ENCODED.get(args.type_))
        return pulumi.ResourceTransformResult(
            _hide(texts, args.props), pulumi.ResourceOptions.merge(args.opts, encoded)
        )

    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transforms=[transform]))


def hide(settings: Settings, outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the component's outputs; those are secrets that contain the text of a secret setting."""
    texts = _texts(settings)
    return _hide(texts, outputs) if texts else outputs


def _hide(texts: set[str], value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return cast("pulumi.Output[Any]", value).apply(lambda known: _hide(texts, known))
    if isinstance(value, dict):
        return {key: _hide(texts, each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_hide(texts, each) for each in cast("list[Any]", value)]
    return pulumi.Output.secret(value) if isinstance(value, str) and any(text in value for text in texts) else value


def _texts(settings: Settings) -> set[str]:
    """Return the texts to hide. Defaults, the namespace and the values of enumerations are public."""
    if not (secrets := settings.secrets):
        return set()
    public = {settings.namespace}
    found: set[str] = set()
    for entry in Settings.entries():
        if get_origin(Settings.model_fields[entry.name].annotation) is Literal:
            continue
        found.update(_strings(secrets.get(entry.key)))
        if not entry.required:
            public.update(_strings(entry.default_value()))
    return {text for text in found - public if len(text) >= _SHORTEST}


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value, except the keys of maps."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        items = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value)
        for each in items:
            yield from _strings(each)
