"""A machine of the cluster: a process that holds namespaces, and the parts that run inside them.

The holder is process 1 of a process namespace, so the kernel ends everything else in there when it dies, and with the
last process go the mounts and the network. Nothing has to be cleaned up on the host.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.commands import run
from tools.devcluster.cgroups import Cgroup
from tools.devcluster.errors import DevclusterError
from tools.devcluster.state import OVERLAID
from tools.devcluster.waiting import wait_for

_START_LIMIT = 15
_RUN_LIMIT = 60

# Kubelet sets these for the whole kernel. It finds them set as it wants in the node, and leaves the host's alone.
_KERNEL_TUNABLES = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}


@dataclass(frozen=True)
class Part:
    """A long-running program of a machine."""

    name: str
    command: Sequence[str]

    @property
    def program(self) -> str:
        """The file name of what it runs."""
        return Path(self.command[0]).name


@dataclass(frozen=True)
class Machine:
    """A machine by name; `disk` is its folder, `logs` gets a file per part, `env` is what its processes start with."""

    name: str
    cgroup: Cgroup
    disk: Path
    logs: Path
    env: Mapping[str, str]
    own_network: bool = True

    @property
    def holder(self) -> int | None:
        """Process id of the holder, as the host sees it; None when the machine is off."""
        group = self.cgroup / "holder"
        return next((pid for pid in group.processes() if _is_first_of_namespace(pid)), None)

    @property
    def is_on(self) -> bool:
        """Whether the holder lives and has everything in place."""
        return (holder := self.holder) is not None and Path(f"/proc/{holder}/root/run/devcluster-ready").exists()

    @property
    def network(self) -> Path:
        """What the kernel tells about the machine's network."""
        return Path(f"/proc/{self._living_holder()}/net")

    def start(self) -> None:
        """Switch the machine on if it is off; a half-started one is started afresh."""
        if self.is_on:
            return
        self.cgroup.kill()
        # Kubelet would spend seconds on each group that a pod of an earlier run left behind.
        self.cgroup.remove()
        (self.cgroup / "holder").create()
        for folder in self._disks:
            folder.mkdir(parents=True, exist_ok=True)
        kinds = ["--mount", "--uts", "--ipc", "--pid", *(["--net"] if self.own_network else [])]
        unshare = ["unshare", *kinds, "--fork", "--kill-child", "--mount-proc"]
        command = (self.cgroup / "holder").joining([*unshare, "sh", "-c", self._boot_script()])
        log = self.logs / f"{self.name}.log"
        with log.open("ab") as output:
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=self.env,
                cwd="/",
            )
        wait_for(
            f"machine {self.name} to start", lambda: None if self.is_on else _tail(log), _START_LIMIT, interval=0.02
        )

    def _boot_script(self) -> str:
        """Mounts first; then process 1 has nothing to do but to reap orphans, which the shell's wait does."""
        volatile = ["mount -t tmpfs tmpfs /run", "mkdir /run/kernel"]
        disks = [f"mount --bind {shlex.quote(str(disk))} {place}" for disk, place in self._disks.items()]
        tunables = [
            f"echo {value} > /run/kernel/{number}; mount --bind /run/kernel/{number} /proc/sys/{name}"
            for number, (name, value) in enumerate(_KERNEL_TUNABLES.items())
        ]
        # Kubelet and the container runtime pass each other mounts, so these must spread within the machine.
        spread = ["mount --make-rshared /"]
        ready = [f"hostname {self.name}", "touch /run/devcluster-ready"]
        return "\n".join(["set -e", *volatile, *disks, *tunables, *spread, *ready, "sleep infinity & wait"])

    @property
    def _disks(self) -> dict[Path, Path]:
        """Folders of the machine's own, with the places where it has them; /run is in memory."""
        return {self.disk / place.relative_to("/"): place for place in OVERLAID if place != Path("/run")}

    def stop(self) -> None:
        """Pull the plug: end every process of the machine at once."""
        self.cgroup.kill()

    def run(self, command: Sequence[str], stdin: str | None = None) -> str:
        """Run a short command in the machine and give back what it printed."""
        return self._run(self._enter(command), stdin)

    def run_on_network(self, command: Sequence[str], stdin: str | None = None) -> str:
        """Run a short command that sees the machine's network, but the host's processes."""
        return self._run(["nsenter", f"--net=/proc/{self._living_holder()}/ns/net", *command], stdin)

    def _run(self, command: Sequence[str], stdin: str | None) -> str:
        what = f"{' '.join(command)} on {self.name}"
        return run(
            command, error=DevclusterError, what=what, env=self.env, limit_seconds=_RUN_LIMIT, stdin=stdin
        ).stdout

    def process(self, part: Part) -> int | None:
        """Process id of a part, as the host sees it; None when it does not run."""
        # Parts lead a session; the children of some look the same otherwise, and may outlive them.
        pids = (self.cgroup / part.name).processes()
        return next((pid for pid in pids if _leads_session(pid) and _program(pid) == part.program), None)

    def keep_running(self, part: Part) -> None:
        """Start the part unless it runs."""
        if self.process(part) is not None:
            return
        group = self.cgroup / part.name
        group.create()
        # The daemon is left to process 1 of the machine; no helper of ours stays behind.
        command = group.joining(self._enter(["setsid", "--fork", *part.command]))
        with self.log(part.name).open("ab") as output:
            started = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self.env, timeout=_START_LIMIT
            )
        if started.returncode:
            raise DevclusterError(f"{part.name} on {self.name} cannot be started: see {self.log(part.name)}")

    def log(self, part: str) -> Path:
        """Where a part's output goes."""
        return self.logs / f"{self.name}.{part}.log"

    def check_alive(self, part: Part) -> None:
        """Raise DevclusterError, with the end of its log, if a part that was started is not there any more."""
        if not (self.cgroup / part.name).processes():
            log = self.log(part.name)
            raise DevclusterError(f"{part.name} on {self.name} ended; the last lines of {log}:\n{_tail(log)}")

    def _enter(self, command: Sequence[str]) -> list[str]:
        kinds = ["--mount", "--uts", "--ipc", "--pid", *(["--net"] if self.own_network else [])]
        return ["nsenter", "--target", str(self._living_holder()), *kinds, *command]

    def _living_holder(self) -> int:
        if (holder := self.holder) is None:
            raise DevclusterError(f"machine {self.name} is off: `devcluster up` starts it again")
        return holder


def _is_first_of_namespace(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return len(numbers) > 1 and numbers[-1] == "1"


def _leads_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def _program(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except (FileNotFoundError, ProcessLookupError):
        return None


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "no log yet"
