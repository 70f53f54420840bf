"""Policy no-plain-text-secrets: Pulumi encrypts every secret, and Kubernetes stores it in a Secret."""

import base64
import re
from collections.abc import Iterator, Sequence

from .pods import Container, containers, creates_pods
from .resources import Resource, Violation
from .values import Leaf, last_key, leaves

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_KEY = r"[A-Za-z0-9+/]{43}="
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PUBLIC = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----")

# Names of secret settings, environment variables, ConfigMap keys and options, recognised by the last word. The word
# `key` alone is not enough: there are sort keys, routing keys, and keys of Consul's key-value store.
_NAME = re.compile(
    r"(?i)(?!-*no-)[^=]*(token|secret|passw(or)?d|passphrase|\bpass|_pass|credentials?|gossip|encrypt"
    r"|(access|account|api|auth|encryption|gossip|license|master|private|secret|shared|signing|ssh)[_.-]?key"
    r"|secret_key_base)(_?\d+|\.txt)?"
)

# A setting, an option or an assignment in any file format: "encrypt": "…", encrypt = "…", -encrypt=…, TOKEN=….
_ASSIGNMENT = re.compile(
    rf"(?i)(encrypt|token|secret|password|gossip|key|initial_management|master|agent|agent_recovery|default|replication"
    rf"|config_file_service_registration|dns)\w*[\"']?\s*[:=\s]\s*[\"']?({_UUID}(?![\w-])|{_KEY})"
)

# Paths of the strings in a pod that everyone who may read pods can see.
_VISIBLE = re.compile(
    r"(?P<container>(?:initContainers|containers)\[\d+\])\.(?P<source>env\[(?P<variable>\d+)\]\.value|(?:command|args)\[\d+\])$"
)

_SWITCHES = ("true", "false", "yes", "no", "on", "off", "none")

_REMEDY = (
    "Put it into a Kubernetes Secret, from a Pulumi secret, and mount it as a file or refer to it by secretKeyRef. "
    "If the value was visible, replace it."
)


def plain_text_secrets(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Yield secrets that Pulumi would show and store in plain text, or that pods and ConfigMaps would show."""
    for resource in stack:
        if resource.kubernetes and resource.kind == "Secret":
            yield from _unmarked(resource)
        elif resource.kubernetes and resource.kind == "ConfigMap":
            yield from _in_config_map(resource)
        else:
            yield from _in_pods(resource)


def gives_away(name: str, value: object) -> bool:
    """Return whether a value looks like a secret, by its form or by its name."""
    if not isinstance(value, str) or not value:
        return False
    if _PRIVATE_KEY.search(value) or _ASSIGNMENT.search(value):
        return True
    return bool(_NAME.fullmatch(name)) and _literal(value)


def argument_gives_away(before: object, value: object) -> bool:
    """Return whether an argument contains a secret: `--password=…`, `PASSWORD=…`, or `…` after `--password`."""
    if not isinstance(value, str):
        return False
    name, _, assigned = value.partition("=")
    option = before if isinstance(before, str) and before.startswith("-") and not value.startswith("-") else ""
    return gives_away(name, assigned) or gives_away(option, value) or gives_away("", f"{option} {value}")


def _literal(value: str) -> bool:
    """Return whether a value may be a secret itself: no path, URL, reference, template, phrase, number or boolean."""
    elsewhere = value.startswith(("/", "$", "http://", "https://", "{{")) or re.search(r"\s", value)
    return not elsewhere and not value.isdigit() and value.lower() not in _SWITCHES


def _unmarked(resource: Resource) -> Iterator[Violation]:
    for field in ("data", "stringData"):
        for leaf in leaves({field: resource.properties.get(field)}):
            if isinstance(leaf.value, str) and leaf.value and not leaf.secret and not _public(leaf, field):
                yield Violation(
                    resource,
                    f"{leaf.path} is not a Pulumi secret, so previews show it and the state has it in plain text",
                    "pulumi.Output.secret(…), or a secret output",
                    "Wrap the value in pulumi.Output.secret. If the value was visible, replace it.",
                )


def _public(leaf: Leaf, field: str) -> bool:
    """Return whether a value of a Secret's field is a certificate or a public key."""
    text = str(leaf.value)
    if field == "data":
        try:
            text = base64.b64decode(text, validate=True).decode()
        except ValueError:
            return False
    return bool(_PUBLIC.search(text)) and not _PRIVATE_KEY.search(text)


def _in_config_map(resource: Resource) -> Iterator[Violation]:
    for field in ("data", "binaryData"):
        for leaf in leaves({field: resource.properties.get(field)}):
            if leaf.secret or gives_away(last_key(leaf.path), leaf.value):
                yield _misplaced(resource, leaf.path, leaf)


def _in_pods(resource: Resource) -> Iterator[Violation]:
    if not creates_pods(resource):
        return
    by_path = {container.path: container for container in containers(resource)}
    before: object = ""
    for leaf in leaves(resource.properties):
        if match := _VISIBLE.search(leaf.path):
            container = by_path.get(match["container"], Container(match["container"], {}))
            name = container.variable(int(match["variable"])) if match["variable"] else ""
            before = "" if leaf.path.endswith("[0]") else before
            if leaf.secret or (gives_away(name, leaf.value) if name else argument_gives_away(before, leaf.value)):
                where = f"variable {name}" if name else match["source"]
                yield _misplaced(resource, f"{where} of container {container.name}", leaf)
            before = leaf.value


def _misplaced(resource: Resource, where: str, leaf: Leaf) -> Violation:
    found = "has a Pulumi secret" if leaf.secret else "looks like a secret"
    return Violation(resource, f"{where} {found}", "no secret outside Secrets", _REMEDY)
