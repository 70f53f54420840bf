"""A machine of the cluster: a process that holds namespaces, and the parts that run in them.

The holder is process 1 of a process namespace. When it dies, the kernel kills all other processes of the namespace, and
the mounts and the network disappear with the last process. Nothing has to be cleaned up on the host.
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

_START_LIMIT_SECONDS = 15
_RUN_LIMIT_SECONDS = 60

# Kubelet would set these for the whole kernel. In a node it finds the right values, so it does not change the host's.
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
        """Return the file name of the program."""
        return Path(self.command[0]).name


@dataclass(frozen=True)
class Machine:
    """A machine. `disk` is its folder, `logs` has a file for each part, `env` is the environment of its processes."""

    name: str
    cgroup: Cgroup
    disk: Path
    logs: Path
    env: Mapping[str, str]
    own_network: bool = True

    @property
    def holder(self) -> int | None:
        """Return the holder's process ID on the host, or None if the machine is off."""
        group = self.cgroup / "holder"
        return next((pid for pid in group.processes() if _is_first_of_namespace(pid)), None)

    @property
    def is_on(self) -> bool:
        """Return whether the holder runs and its mounts are complete."""
        return (holder := self.holder) is not None and Path(f"/proc/{holder}/root/run/devcluster-ready").exists()

    @property
    def network(self) -> Path:
        """Return the /proc folder of the machine's network."""
        return Path(f"/proc/{self._living_holder()}/net")

    def start(self) -> None:
        """Start the machine if it is off. Restart one that was started only partly."""
        if self.is_on:
            return
        self.cgroup.kill()
        # Kubelet would spend seconds on each cgroup of an earlier run's pods.
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
            f"machine {self.name} to start",
            lambda: None if self.is_on else _tail(log),
            _START_LIMIT_SECONDS,
            interval=0.02,
        )

    def _boot_script(self) -> str:
        """Return the script of process 1. After the mounts, it only reaps orphans with `wait`."""
        volatile = ["mount -t tmpfs tmpfs /run", "mkdir /run/kernel"]
        disks = [f"mount --bind {shlex.quote(str(disk))} {place}" for disk, place in self._disks.items()]
        tunables = [
            f"echo {value} > /run/kernel/{number}; mount --bind /run/kernel/{number} /proc/sys/{name}"
            for number, (name, value) in enumerate(_KERNEL_TUNABLES.items())
        ]
        # Mounts must propagate within the machine: kubelet and the container runtime share them.
        propagation = ["mount --make-rshared /"]
        ready = [f"hostname {self.name}", "touch /run/devcluster-ready"]
        return "\n".join(["set -e", *volatile, *disks, *tunables, *propagation, *ready, "sleep infinity & wait"])

    @property
    def _disks(self) -> dict[Path, Path]:
        """Return the machine's own folders with their mount points. /run is in memory."""
        return {self.disk / place.relative_to("/"): place for place in OVERLAID if place != Path("/run")}

    def stop(self) -> None:
        """Kill all processes of the machine at once, like a power failure."""
        self.cgroup.kill()

    def run(self, command: Sequence[str], stdin: str | None = None) -> str:
        """Run a short command in the machine and return its output."""
        return self._run(self._enter(command), stdin)

    def run_on_network(self, command: Sequence[str], stdin: str | None = None) -> str:
        """Run a short command in the machine's network, with the host's processes; return its output."""
        return self._run(["nsenter", f"--net=/proc/{self._living_holder()}/ns/net", *command], stdin)

    def _run(self, command: Sequence[str], stdin: str | None) -> str:
        what = f"{' '.join(command)} on {self.name}"
        return run(
            command, error=DevclusterError, what=what, env=self.env, limit_seconds=_RUN_LIMIT_SECONDS, stdin=stdin
        ).stdout

    def process(self, part: Part) -> int | None:
        """Return a part's process ID on the host, or None if it does not run."""
        # A part is a session leader. Children of some parts run the same program, and may outlive the part.
        pids = (self.cgroup / part.name).processes()
        return next((pid for pid in pids if _leads_session(pid) and _program(pid) == part.program), None)

    def keep_running(self, part: Part) -> None:
        """Start the part if it does not run."""
        if self.process(part) is not None:
            return
        group = self.cgroup / part.name
        group.create()
        # Process 1 of the machine becomes the parent of the daemon, so no process of ours remains.
        command = group.joining(self._enter(["setsid", "--fork", *part.command]))
        with self.log(part.name).open("ab") as output:
            started = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.env,
                timeout=_START_LIMIT_SECONDS,
            )
        if started.returncode:
            raise DevclusterError(f"{part.name} on {self.name} did not start: see {self.log(part.name)}")

    def log(self, part: str) -> Path:
        """Return the log file of a part."""
        return self.logs / f"{self.name}.{part}.log"

    def check_alive(self, part: Part) -> None:
        """Raise DevclusterError with the end of the log if a started part has exited."""
        if not (self.cgroup / part.name).processes():
            log = self.log(part.name)
            raise DevclusterError(f"{part.name} on {self.name} has exited; the last lines of {log}:\n{_tail(log)}")

    def _enter(self, command: Sequence[str]) -> list[str]:
        kinds = ["--mount", "--uts", "--ipc", "--pid", *(["--net"] if self.own_network else [])]
        return ["nsenter", "--target", str(self._living_holder()), *kinds, *command]

    def _living_holder(self) -> int:
        if (holder := self.holder) is None:
            raise DevclusterError(f"Machine {self.name} is off: start it with `devcluster up`")
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
