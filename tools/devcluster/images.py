"""Container images: the cluster's own, from programs of the toolchain, and archives that a user loads."""

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.devcluster.errors import DevclusterError
from tools.devcluster.gateway import INGRESS_NODE
from tools.devcluster.machine import Machine
from tools.devcluster.plan import Node
from tools.devcluster.programs import binary
from tools.toolchain import images as archives
from tools.toolchain.parts import COREDNS_VERSION, NETWORK_POLICIES_VERSION, PROVISIONER_VERSION

_CTR = ("ctr", "--namespace=k8s.io")


@dataclass(frozen=True)
class Image:
    """An image with one static program, and with the named commands of busybox."""

    reference: str
    program: str
    arguments: tuple[str, ...] = ()
    applets: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        """Write the image's archive if it does not exist; return its path."""
        archive = folder / f"{self.program}-{self.reference.rpartition(':')[2]}.tar"
        if not archive.exists():
            draft = archive.with_suffix(".new")
            archives.write_archive(
                draft,
                self.reference,
                [archives.file(f"/{self.program}", binary(self.program)), *self._shell()],
                entrypoint=[f"/{self.program}", *self.arguments],
            )
            draft.replace(archive)
        return archive

    def _shell(self) -> list[archives.Node]:
        if not self.applets:
            return []
        links = [archives.symlink(f"/bin/{applet}", "/bin/busybox") for applet in self.applets]
        return [archives.file("/bin/busybox", binary("busybox")), *links]


# A pod's sandbox container only has to run.
PAUSE = Image("registry.k8s.io/pause:3.10.1", "busybox", ("sleep", "2147483647"))
COREDNS = Image(f"registry.k8s.io/coredns/coredns:v{COREDNS_VERSION}", "coredns")
INGRESS = Image("docker.io/devcluster/ingress:1", "ingress")
NETWORK_POLICIES = Image(
    f"registry.k8s.io/networking/kube-network-policies:v{NETWORK_POLICIES_VERSION}", "kube-network-policies"
)
OWN = (PAUSE, COREDNS, NETWORK_POLICIES, INGRESS)

# Not in every cluster: see `Cluster.add_provisioner`. Its pods run scripts in the same image.
PROVISIONER = Image(
    f"docker.io/rancher/local-path-provisioner:v{PROVISIONER_VERSION}",
    "local-path-provisioner",
    ("start",),
    applets=("sh", "mkdir", "rm"),
)


def wanted(node: Node) -> list[Image]:
    """Return the images that a node needs for the cluster's own pods."""
    return [image for image in OWN if image != INGRESS or node == INGRESS_NODE]


def is_served(machine: Machine) -> bool:
    """Return whether the node's container runtime answers."""
    try:
        machine.run([*_CTR, "version"])
    except DevclusterError:
        return False
    return True


def load(machine: Machine, archive: Path) -> bool:
    """Import an archive into a node if the node lacks its images; return whether it did."""
    if all(_config_digest(machine, name) == digest for name, digest in archive_contents(archive).items()):
        return False
    machine.run([*_CTR, "images", "import", str(archive.resolve())])
    return True


def archive_contents(archive: Path) -> dict[str, str]:
    """Return the images of an archive in the format of `docker save`: configuration digests by full names."""
    try:
        with tarfile.open(archive) as tar:
            manifest: list[dict[str, Any]] = json.loads(_read(tar, "manifest.json"))
            digests = [f"sha256:{hashlib.sha256(_read(tar, image['Config'])).hexdigest()}" for image in manifest]
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise DevclusterError(
            f"{archive} is not an image archive ({error}): create one with `docker save IMAGE --output FILE`"
        ) from None
    return {
        full_name(tag): digest
        for image, digest in zip(manifest, digests, strict=True)
        for tag in image.get("RepoTags") or ()
    }


def full_name(tag: str) -> str:
    """Return the full name of an image, as in containerd: `docker.io/library/consul:1` for `consul:1`."""
    first, _, rest = tag.partition("/")
    if not rest:
        return f"docker.io/library/{tag}"
    if "." in first or ":" in first or first == "localhost":
        return tag
    return f"docker.io/{tag}"


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    if member is None:
        raise KeyError(f"{name} is no file")
    return member.read()


def _references(machine: Machine) -> dict[str, str]:
    """Return the manifest digests of a node's images by their names."""
    lines = machine.run([*_CTR, "images", "list"]).splitlines()[1:]
    return {reference: digest for reference, _, digest, *_ in (line.split() for line in lines)}


def _config_digest(machine: Machine, name: str) -> str | None:
    manifest = _references(machine).get(name)
    if manifest is None:
        return None
    return json.loads(machine.run([*_CTR, "content", "get", manifest]))["config"]["digest"]
