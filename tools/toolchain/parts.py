"""The parts of the toolchain: their versions, and the ingredients that their cache keys are hashes of."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import cache as store
from tools.toolchain import golang
from tools.toolchain.errors import ToolchainError

HERE = Path(__file__).parent

KUBERNETES_VERSION = "1.35.4"
CONSUL_VERSION = "1.22.6"
CONSUL_IMAGE = f"hashicorp/consul:{CONSUL_VERSION}"
PULUMI_VERSION = "3.259.0"
COREDNS_VERSION = "1.13.1"
NETWORK_POLICIES_VERSION = "0.8.0"
PROVISIONER_VERSION = "0.0.30"
PROVIDERS = {"kubernetes": "4.27.0", "random": "4.21.1", "tls": "5.2.3"}
"""Pulumi's providers, in the versions of the Python packages in requirements.txt."""
YAML_VERSION = "1.38.1"
CHECKER_VERSIONS = {"kube-score": "1.20.0", "kubeconform": "0.8.0", "actionlint": "1.7.12", "promtool": "0.316.0"}


@dataclass(frozen=True)
class Part:
    """A part, which is built into a folder of its own."""

    name: str
    makes: tuple[str, ...] = ()
    """The programs in the `bin` folder of the result."""
    needs: tuple[str, ...] = ()
    """The parts whose results are ingredients of this one."""
    after: str = ""
    """A part that compiles many of the same packages. If both are built, this one waits for it and reuses them."""
    cpu_seconds: int = 5
    """What its build takes with an empty cache, from `toolchain times`; for the estimate of the time that is left."""

    def ingredients(self) -> Iterator[bytes]:
        """Yield everything that changes the result."""
        yield platform.machine().encode()
        yield repr(self.makes).encode()

    @property
    def key(self) -> str:
        """Return the hash of all ingredients, including those of the needed parts."""
        digest = hashlib.sha256()
        for ingredient in self.ingredients():
            digest.update(hashlib.sha256(ingredient).digest())
        for need in self.needs:
            digest.update(named(need).key.encode())
        return digest.hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Return the folder of the result, which may not exist yet."""
        return store.folder(self.name, self.key)

    @property
    def built(self) -> bool:
        """Return whether the result exists."""
        return self.folder.is_dir()


@dataclass(frozen=True)
class GoPart(Part):
    """A program from a Go module in `go`, under each of its names in `makes`."""

    module_of: str = ""
    """The part in whose module the program is, so that the packages that both need are compiled once."""
    main: str = "tool"
    """The package to build: a folder of the module, the import path of a tool in go.mod, or `tool` for the only one."""
    variables: tuple[tuple[str, str], ...] = ()
    """Go variables that the linker sets. Each program keeps its version in a variable of another name."""
    beside: tuple[str, ...] = ()
    """Files that are copied from a module into `bin`, each as "module path@path in the module"."""
    tags: tuple[str, ...] = ()
    """Build tags that leave out unused features."""

    @property
    def family(self) -> str:
        """Return the first part of the chain of `after`. The parts of a family share a cache of modules."""
        before = _BY_NAME.get(self.after)
        return before.family if isinstance(before, GoPart) else self.name

    @property
    def module(self) -> Path:
        """Return the folder of go.mod."""
        return HERE / "go" / (self.module_of or self.name)

    def ingredients(self) -> Iterator[bytes]:
        """Yield the module's versions, the main package if it is in the module, Go's version and its flags."""
        yield from super().ingredients()
        own = sorted((self.module / self.main).glob("*.go"))
        for path in (self.module / "go.mod", self.module / "go.sum", *own):
            yield path.name.encode()
            yield path.read_bytes()
        yield golang.version().encode()
        yield repr((golang.FLAGS, golang.LINKER_FLAGS, golang.TARGET, self.variables, self.beside)).encode()
        if self.tags:
            yield repr(self.tags).encode()
        if self.main not in (".", "tool"):
            yield self.main.encode()


@dataclass(frozen=True)
class DebianPart(Part):
    """Programs from unpacked Debian packages."""

    packages: tuple[str, ...] = ()
    closure: bool = False
    """Whether the packages' dependencies are unpacked too."""
    without: tuple[str, ...] = ()
    """Dependencies that are left out."""
    ours: tuple[str, ...] = ()
    """Files of this folder that are copied into `bin`, such as a start script."""

    def ingredients(self) -> Iterator[bytes]:
        """Yield the recipe and the Debian release, which pins the versions."""
        yield from super().ingredients()
        yield repr((self.packages, self.closure, self.without, self.ours)).encode()
        for name in ("apt.py", "debian.py", *self.ours):
            yield (HERE / name).read_bytes()
        yield platform.freedesktop_os_release().get("VERSION_CODENAME", "").encode()


@dataclass(frozen=True)
class ConsulImagePart(Part):
    """The archive of Consul's container image."""

    def ingredients(self) -> Iterator[bytes]:
        """Yield the recipe."""
        yield from super().ingredients()
        for name in ("images.py", "shared_libraries.py", "consul_archive.py"):
            yield (HERE / name).read_bytes()


@dataclass(frozen=True)
class SchemasPart(Part):
    """JSON schemas of Kubernetes' kinds."""

    def ingredients(self) -> Iterator[bytes]:
        """Yield the recipe and Kubernetes' version."""
        yield from super().ingredients()
        yield (HERE / "json_schemas.py").read_bytes()
        yield KUBERNETES_VERSION.encode()


@dataclass(frozen=True)
class PythonPart(Part):
    """Python packages that must not share a virtual environment with the project's, from `python/<name>`."""

    @property
    def requirements(self) -> Path:
        """The file that pins every package with its hashes."""
        return HERE / "python" / self.name / "requirements.txt"

    def ingredients(self) -> Iterator[bytes]:
        """Yield the recipe, the requirements and Python's version."""
        yield from super().ingredients()
        yield (HERE / "pip_install.py").read_bytes()
        yield self.requirements.read_bytes()
        yield ".".join(platform.python_version_tuple()[:2]).encode()


@dataclass(frozen=True)
class PulumiHomePart(Part):
    """A PULUMI_HOME with Pulumi, its Python language host and the installed providers."""

    def ingredients(self) -> Iterator[bytes]:
        """Yield the recipe and the language host."""
        yield from super().ingredients()
        for name in ("pulumi_home.py", "language_host.py", "pulumi-language-python"):
            yield (HERE / name).read_bytes()


def _kubernetes_variables() -> tuple[tuple[str, str], ...]:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    return tuple(
        (f"k8s.io/{package}/version.{name}", value)
        for package in ("component-base", "client-go/pkg")
        for name, value in (
            ("gitVersion", f"v{KUBERNETES_VERSION}"),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "clean"),
        )
    )


def _in_kubernetes_module(name: str, main: str, cpu_seconds: int, *, program: str = "") -> GoPart:
    """Return a program in Kubernetes' module. It is built after Kubernetes, which compiles most of its packages."""
    return GoPart(
        name,
        module_of="kubernetes",
        main=main,
        makes=(program or name,),
        after="kubernetes",
        cpu_seconds=cpu_seconds,
        variables=_kubernetes_variables(),
    )


def _provider(name: str) -> GoPart:
    program = f"pulumi-resource-{name}"
    beside: tuple[str, ...] = ()
    if name == "kubernetes":
        upstream = "github.com/pulumi/pulumi-kubernetes/provider/v4"
        beside = tuple(f"{upstream}@cmd/{program}/{file}" for file in ("schema.json", "terraform-mapping.json"))
    return GoPart(
        f"provider-{name}",
        main=".",
        makes=(program,),
        after={"kubernetes": "kubernetes", "random": "pulumi", "tls": "provider-random"}[name],
        cpu_seconds={"kubernetes": 240, "random": 38, "tls": 3}[name],
        variables=(("main.version", PROVIDERS[name]),),
        beside=beside,
    )


def _checker(name: str, variable: str, cpu_seconds: int, *tags: str) -> GoPart:
    version = CHECKER_VERSIONS[name]
    return GoPart(name, makes=(name,), variables=((variable, version),), tags=tags, cpu_seconds=cpu_seconds)


CLUSTER = (
    DebianPart(
        "debian",
        makes=(
            *("etcd", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "busybox"),
            *("iptables", "iptables-save", "iptables-restore"),
            *("ip6tables", "ip6tables-save", "ip6tables-restore"),
            *("conntrack", "ipset", "socat"),
        ),
        packages=(
            *("etcd-server", "containerd", "runc", "containernetworking-plugins", "busybox-static"),
            *("iptables", "libxtables12", "libip4tc2", "libip6tc2"),
            *("conntrack", "libnetfilter-conntrack3", "libnfnetlink0", "libmnl0"),
            *("ipset", "libipset13"),
            *("socat", "libwrap0"),
        ),
    ),
    GoPart(
        "kubernetes",
        main=".",
        cpu_seconds=270,
        makes=(
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
            "kubeadm",
        ),
        variables=_kubernetes_variables(),
    ),
    # Not in the same binary, in which each call would take 20 ms and 45 MB of memory more.
    _in_kubernetes_module("kubectl", "k8s.io/kubernetes/cmd/kubectl", 15),
    _in_kubernetes_module("coredns", "./coredns", 4),
    GoPart("consul", makes=("consul",), cpu_seconds=180),
    DebianPart("curl", packages=("curl",), closure=True),
    ConsulImagePart("consul-image", needs=("consul", "debian", "curl")),
    _in_kubernetes_module("ingress", "./ingress", 1),
    _in_kubernetes_module(
        "network-policies", "sigs.k8s.io/kube-network-policies/cmd", 8, program="kube-network-policies"
    ),
)
"""The parts of the local Kubernetes, in the order in which it needs them."""

ENGINE = (
    GoPart(
        "pulumi",
        makes=("pulumi",),
        cpu_seconds=165,
        variables=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", f"v{PULUMI_VERSION}"),),
    ),
    *(_provider(name) for name in PROVIDERS),
    PulumiHomePart(
        "pulumi-home",
        # The engine searches its language host in its own folder, so this `pulumi` is the one to run.
        makes=("pulumi", "pulumi-language-python"),
        needs=("pulumi", *(f"provider-{name}" for name in PROVIDERS)),
    ),
)
"""The parts of Pulumi, for machines that have none installed."""

CHECKERS = (
    _checker(
        "promtool",
        "github.com/prometheus/common/version.Version",
        95,
        # Leave out the service discovery of clouds, which takes longer to compile than everything else.
        *("remove_all_sd", "enable_kubernetes_sd", "enable_consul_sd", "enable_dns_sd"),
    ),
    _checker("kube-score", "main.version", 30),
    _checker("kubeconform", "main.version", 2),
    _checker("actionlint", "github.com/rhysd/actionlint.version", 3),
    GoPart("linearizability", main=".", makes=("linearizability",)),
    GoPart(
        "local-path-provisioner",
        makes=("local-path-provisioner",),
        cpu_seconds=60,
        variables=(("main.VERSION", f"v{PROVISIONER_VERSION}"),),
    ),
    SchemasPart("kubernetes-schemas"),
    PythonPart("checkov"),
    DebianPart(
        "chromium",
        makes=("chromium",),
        packages=("chromium", "fonts-dejavu-core"),
        closure=True,
        without=(
            "libc6",  # the machine's loader needs the machine's C library
            # 250 MB for graphics hardware, desktops and package scripts, which a headless browser does not use.
            *("libgl1-mesa-dri", "libllvm15", "libz3-4", "adwaita-icon-theme", "systemd"),
            *("perl", "libperl5.36", "perl-modules-5.36", "x11-utils", "xdg-utils"),
        ),
        ours=("browser/chromium", "browser/fonts.conf"),
    ),
)
"""Parts that only tests need: checkers of what this project writes, a provisioner of volumes, and a browser."""

LANGUAGES = (
    GoPart(
        "language-yaml",
        makes=("pulumi-language-yaml",),
        cpu_seconds=50,
        variables=(("github.com/pulumi/pulumi-yaml/pkg/version.Version", f"v{YAML_VERSION}"),),
    ),
)
"""Pulumi's language hosts other than Python's, for tests of the component in other languages."""

ALL = CLUSTER + ENGINE + CHECKERS + LANGUAGES

_BY_NAME = {part.name: part for part in ALL}
_BY_PROGRAM = {program: part for part in ALL for program in part.makes}


def named(name: str) -> Part:
    """Return the part of that name. Raise ToolchainError with the known names if there is none."""
    if name not in _BY_NAME:
        raise ToolchainError(f"There is no part {name!r}. Parts: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def maker(program: str) -> Part:
    """Return the part that contains `program`. Raise ToolchainError with the known programs if there is none."""
    if program not in _BY_PROGRAM:
        raise ToolchainError(f"No part contains the program {program!r}. Programs: {', '.join(_BY_PROGRAM)}")
    return _BY_PROGRAM[program]
