"""The configuration that Consul's agents read, put together from the ConfigMaps and Secrets in their pods."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from .clusters import Cluster
from .pods import containers, pod_spec
from .resources import Resource
from .values import UNKNOWN, dig, mapping, plain, sequence, texts


@dataclass(frozen=True)
class ConfigFile:
    """A JSON file in an agent's pod, and the ConfigMap or Secret that it comes from."""

    source: Resource
    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class AgentConfig:
    """What agents are told by all their files together; files that the preview does not know are not among them."""

    agents: Resource
    files: Sequence[ConfigFile]

    @property
    def known(self) -> bool:
        """Whether the main file is known: a role and its TLS settings are said there, and not in those beside it."""
        return any(key in file.config for file in self.files for key in ("server", "tls", "data_dir"))

    def get(self, *path: str) -> Any:
        """A setting; of two files that say it, Consul takes the later one, by name."""
        values = [dig(file.config, *path) for file in self.files]
        return next((value for value in reversed(values) if value is not None), None)

    def source(self, *path: str) -> Resource:
        """The resource to blame for a setting: where it is said, else where its section is, else the main file's."""
        for length in range(len(path), 0, -1):
            for file in reversed(self.files):
                if dig(file.config, *path[:length]) is not None:
                    return file.source
        return self.files[-1].source if self.files else self.agents

    def argument(self, name: str) -> str | None:
        """The value of a command-line option, which counts more than any file."""
        for container in containers(self.agents):
            words = [*texts(container.properties, "command"), *texts(container.properties, "args")]
            for word, following in zip_longest(words, words[1:], fillvalue=""):
                option, equals, value = word.lstrip("-").partition("=")
                if word.startswith("-") and option == name:
                    return value if equals else following
        return None


def agent_config(cluster: Cluster, agents: Resource) -> AgentConfig:
    """The configuration of the agents that a resource makes."""
    files = [
        file
        for volume in sequence(pod_spec(agents, "volumes"))
        for source in [volume, *sequence(dig(volume, "projected", "sources"))]
        for file in _files(cluster, source)
    ]
    return AgentConfig(agents, sorted(files, key=lambda file: file.name))


def _files(cluster: Cluster, source: Any) -> Iterator[ConfigFile]:
    """The JSON files of one volume's source: a ConfigMap or a Secret, named `name` or `secretName`."""
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        reference = dig(source, field)
        name = dig(reference, "name") or dig(reference, "secretName")
        for resource in cluster.neighbours(kind):
            if resource.name == name:
                items = [(dig(item, "key"), dig(item, "path")) for item in sequence(dig(reference, "items"))]
                data = {**_decoded(resource), **mapping(resource.get("data" if kind == "ConfigMap" else "stringData"))}
                for key, path in items or [(key, key) for key in data]:
                    config = _parsed(data.get(key))
                    if isinstance(path, str) and path.endswith(".json") and config is not None:
                        yield ConfigFile(resource, path, config)


def _decoded(resource: Resource) -> Mapping[str, Any]:
    """A Secret's `data`, which is in base64."""
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
