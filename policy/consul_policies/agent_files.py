"""The configuration of Consul's agents: the JSON files in the ConfigMaps and Secrets that their pods mount."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from .clusters import Cluster
from .pods import containers, pod_spec
from .resources import Resource
from .values import UNKNOWN, dig, mapping, plain, sequence, strings


@dataclass(frozen=True)
class ConfigFile:
    """A JSON file in an agent's pod, and the ConfigMap or Secret that contains it."""

    source: Resource
    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class AgentConfig:
    """The configuration files of the agents that one resource creates.

    A file whose content the preview does not know yet is missing.
    """

    agents: Resource
    files: Sequence[ConfigFile]

    @property
    def known(self) -> bool:
        """Return whether the main file is known: it is the one that sets the role, TLS or data directory."""
        return any(key in file.config for file in self.files for key in ("server", "tls", "data_dir"))

    def get(self, *path: str) -> Any:
        """Return the value of a setting, or None. If several files set it, Consul uses the last one by name."""
        values = [dig(file.config, *path) for file in self.files]
        return next((value for value in reversed(values) if value is not None), None)

    def source(self, *path: str) -> Resource:
        """Return the resource to report for a setting.

        It is the one that has the setting, else the one that has its section, else the one of the last file by name.
        """
        for length in range(len(path), 0, -1):
            for file in reversed(self.files):
                if dig(file.config, *path[:length]) is not None:
                    return file.source
        return self.files[-1].source if self.files else self.agents

    def argument(self, name: str) -> str | None:
        """Return the value of a command-line option, or None. An option overrides every file."""
        for container in containers(self.agents):
            words = [*strings(container.properties, "command"), *strings(container.properties, "args")]
            for word, following in zip_longest(words, words[1:], fillvalue=""):
                option, equals, value = word.lstrip("-").partition("=")
                if word.startswith("-") and option == name:
                    return value if equals else following
        return None


def agent_config(cluster: Cluster, agents: Resource) -> AgentConfig:
    """Return the configuration of the agents that a resource creates."""
    files = [
        file
        for volume in sequence(pod_spec(agents, "volumes"))
        for source in [volume, *sequence(dig(volume, "projected", "sources"))]
        for file in _files(cluster, source)
    ]
    return AgentConfig(agents, sorted(files, key=lambda file: file.name))


def _files(cluster: Cluster, source: Any) -> Iterator[ConfigFile]:
    """Yield the JSON files of a volume, or of one source of a projected volume.

    Kubernetes names a Secret `secretName` in a volume and `name` in a projected source.
    """
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        reference = dig(source, field)
        name = dig(reference, "name") or dig(reference, "secretName")
        for resource in cluster.in_namespace(kind):
            if resource.name == name:
                items = [(dig(item, "key"), dig(item, "path")) for item in sequence(dig(reference, "items"))]
                data = {**_decoded(resource), **mapping(resource.get("data" if kind == "ConfigMap" else "stringData"))}
                for key, path in items or [(key, key) for key in data]:
                    config = _parsed(data.get(key))
                    if isinstance(path, str) and path.endswith(".json") and config is not None:
                        yield ConfigFile(resource, path, config)


def _decoded(resource: Resource) -> Mapping[str, Any]:
    """Return a Secret's `data`, decoded from base64."""
    if resource.kind != "Secret":
        return {}
    return {key: _from_base64(plain(value)) for key, value in mapping(resource.get("data")).items()}


def _from_base64(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True).decode() if isinstance(value, str) else UNKNOWN
    except ValueError:
        return UNKNOWN


def _parsed(text: Any) -> Mapping[str, Any] | None:
    text = plain(text)
    try:
        config: Any = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return cast("Mapping[str, Any]", config) if isinstance(config, dict) else None
