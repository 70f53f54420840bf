"""Pulumi's language host for Python, based on the `pulumi` package.

No Go module contains the upstream host. The Automation API of the `pulumi` package implements the same gRPC service for
programs that are functions; the function here runs the project's program.

The engine passes its address as the last argument, and reads this host's port from the first line of standard output.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2


class PythonHost(LanguageServer):
    """Runs the Python program, and the Python plugins, of a Pulumi project."""

    def __init__(self, engine: str) -> None:
        """Store the address on which the engine receives logs."""
        super().__init__(lambda: None)
        self._engine = engine

    def Handshake(  # noqa: N802 - the service's names
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Accept the engine; everything in the request was also passed as an argument."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Return no version: this host has the version of the `pulumi` package."""
        return plugin_pb2.PluginInfo()

    def Run(  # noqa: N802
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program at the project's entry point."""
        program = str(Path(request.info.program_directory, request.info.entry_point))

        def run_program() -> None:
            runpy.run_path(program, run_name="__main__")

        os.chdir(request.pwd)
        sys.argv = [program, *request.args]
        self.program = run_program
        request.args.insert(0, self._engine)
        result: language_pb2.RunResponse = super().Run(request, context)  # pyright: ignore
        # The error has already been logged; `bail` keeps the engine from logging it again.
        return language_pb2.RunResponse(bail=True) if result.error else result

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Create the virtual environment and install the requirements, unless it exists; pass on pip's output."""
        virtualenv, requirements = _virtualenv(request.info), Path(request.directory, "requirements.txt")
        if virtualenv.exists() or not requirements.exists():
            return
        for command in (
            [sys.executable, "-m", "venv", virtualenv],
            [virtualenv / "bin" / "pip", "install", "--quiet", "--requirement", requirements],
        ):
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            yield language_pb2.InstallDependenciesResponse(stdout=result.stdout)
            if result.returncode:
                shutil.rmtree(virtualenv, ignore_errors=True)
                context.abort(grpc.StatusCode.INTERNAL, f"{command[0]} failed")

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin that is a Python program, such as a policy pack, and pass on its output."""
        folder = request.info.program_directory
        python = str(_virtualenv(request.info) / "bin" / "python")
        command = [python, "-u", folder, *request.args]
        if request.kind == "analyzer":
            command = [python, "-u", "-m", "pulumi.policy", *request.args, folder]
        env = dict(variable.split("=", 1) for variable in request.env)
        # The engine reads the plugin's port from standard output. Standard error is shown as it is.
        plugin = subprocess.Popen(command, cwd=request.pwd, env=env or None, stdout=subprocess.PIPE)
        context.add_callback(plugin.terminate)
        for line in plugin.stdout or ():
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())


def _virtualenv(program: language_pb2.ProgramInfo) -> Path:
    """Return the virtual environment that the project names, or else the one of this process."""
    if "virtualenv" in program.options:
        return Path(program.root_directory, str(program.options["virtualenv"]))
    return Path(sys.prefix)


def main() -> None:
    """Serve until the engine sends a signal, or has ended."""
    engine, stopped = os.getppid(), threading.Event()

    def stop(number: int, frame: object) -> None:
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(PythonHost(sys.argv[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # A killed engine sends no signal, but this process then gets another parent.
    while os.getppid() == engine and not stopped.wait(timeout=1):
        pass
    server.stop(grace=None)
    # After an error, a thread of the program may wait for an answer that the engine no longer gives. Python would wait
    # for that thread until the engine kills this process, 5 s later.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
