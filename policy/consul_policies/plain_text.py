"""Secrets that are in plain text: for Pulumi, in a Secret that is not marked; for Kubernetes, outside of Secrets."""

import base64
import re
from collections.abc import Iterator, Sequence

from .pods import Container, containers, makes_pods
from .resources import Resource, Violation
from .values import Leaf, last_key, leaves

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_KEY = r"[A-Za-z0-9+/]{43}="
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PUBLIC = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----")

# What is secret by its name's last word: of a setting, an environment variable, a key of a ConfigMap or an option. Not
# every key is one: others sort or route, or are paths in Consul's own store.
_NAME = re.compile(
    r"(?i)(?!-*no-)[^=]*(token|secret|passw(or)?d|passphrase|\bpass|_pass|credentials?|gossip|encrypt"
    r"|(access|account|api|auth|encryption|gossip|license|master|private|secret|shared|signing|ssh)[_.-]?key"
    r"|secret_key_base)(_?\d+|\.txt)?"
)

# A setting, option or assignment, whatever the file's format: "encrypt": "…", encrypt = "…", -encrypt=…, TOKEN=….
_ASSIGNMENT = re.compile(
    rf"(?i)(encrypt|token|secret|password|gossip|key|initial_management|master|agent|agent_recovery|default|replication"
    rf"|config_file_service_registration|dns)\w*[\"']?\s*[:=\s]\s*[\"']?({_UUID}(?![\w-])|{_KEY})"
)

# Where a pod has texts that whoever may read pods can read.
_PLACE = re.compile(
    r"(?P<container>(?:initContainers|containers)\[\d+\])\.(?P<place>env\[(?P<variable>\d+)\]\.value|(?:command|args)\[\d+\])$"
)

_SWITCHES = ("true", "false", "yes", "no", "on", "off", "none")

_REMEDY = (
    "Put it into a Secret of Kubernetes that is made from a secret of Pulumi, and mount it as a file or name it in "
    "secretKeyRef. Replace the value that was shown."
)


def plain_text_secrets(stack: Sequence[Resource]) -> Iterator[Violation]:
    """Secrets that Pulumi would show and store as they are, or that whoever may read pods or ConfigMaps can read."""
    for resource in stack:
        if resource.kubernetes and resource.kind == "Secret":
            yield from _unmarked(resource)
        elif resource.kubernetes and resource.kind == "ConfigMap":
            yield from _in_config_map(resource)
        else:
            yield from _in_pods(resource)


def gives_away(name: str, value: object) -> bool:
    """Whether a value, by its look or its name's, is a secret."""
    if not isinstance(value, str) or not value:
        return False
    if _PRIVATE_KEY.search(value) or _ASSIGNMENT.search(value):
        return True
    return bool(_NAME.fullmatch(name)) and _literal(value)


def argument_gives_away(before: object, value: object) -> bool:
    """Whether an argument, with the one before it, is a secret: `--password=…`, `PASSWORD=…`, `--password …`."""
    if not isinstance(value, str):
        return False
    name, _, assigned = value.partition("=")
    option = before if isinstance(before, str) and before.startswith("-") and not value.startswith("-") else ""
    return gives_away(name, assigned) or gives_away(option, value) or gives_away("", f"{option} {value}")


def _literal(value: str) -> bool:
    """Whether a value may be a secret itself, and is not where it is, how it is made, or a switch."""
    elsewhere = value.startswith(("/", "$", "http://", "https://", "{{")) or re.search(r"\s", value)
    return not elsewhere and not value.isdigit() and value.lower() not in _SWITCHES


def _unmarked(resource: Resource) -> Iterator[Violation]:
    for field in ("data", "stringData"):
        for leaf in leaves({field: resource.properties.get(field)}):
            if isinstance(leaf.value, str) and leaf.value and not leaf.secret and not _public(leaf, field):
                yield Violation(
                    resource,
                    f"{leaf.path} is not a secret of Pulumi, so that it is shown in previews and kept in plain text in "
                    "the state",
                    "pulumi.Output.secret(…), or a secret output",
                    "Wrap the value in pulumi.Output.secret. Replace the value that was shown.",
                )


def _public(leaf: Leaf, field: str) -> bool:
    """Whether a value is a certificate or a public key."""
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
    if not makes_pods(resource):
        return
    by_path = {container.path: container for container in containers(resource)}
    before: object = ""
    for leaf in leaves(resource.properties):
        if match := _PLACE.search(leaf.path):
            container = by_path.get(match["container"], Container(match["container"], {}))
            name = container.variable(int(match["variable"])) if match["variable"] else ""
            before = "" if leaf.path.endswith("[0]") else before
            if leaf.secret or (gives_away(name, leaf.value) if name else argument_gives_away(before, leaf.value)):
                where = f"variable {name}" if name else match["place"]
                yield _misplaced(resource, f"{where} of container {container.name}", leaf)
            before = leaf.value


def _misplaced(resource: Resource, where: str, leaf: Leaf) -> Violation:
    found = "has a secret of Pulumi" if leaf.secret else "looks like a secret"
    return Violation(resource, f"{where} {found}", "no secret outside of Secrets", _REMEDY)
