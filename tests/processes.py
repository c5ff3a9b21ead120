"""Processes of tests: started with a mark in their environment that everything they start inherits."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[1]
MARK = "DATELINE_TEST_MARK"


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Marked:
    """A process and, by their mark, all it started.

    Args:
        module: what `python -m` runs.
        arguments: its arguments.
        environment: beside what is needed to run.
        log: where its output goes; its data are in the same folder, and no other process's.
    """

    def __init__(self, module: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._mark = f"{MARK}={uuid4().hex}"
        self._log = log
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        name, value = self._mark.split("=")
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**inherited, **environment, name: value},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it and all it started wrote so far."""
        return self._log.read_text()

    def wait_for_output(self, text: str, seconds: float = 30) -> None:
        """Wait until it wrote this."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < deadline, f"no {text!r} within {seconds:g} s in:\n{self.output}"
            time.sleep(0.05)

    def family(self) -> dict[int, str]:
        """Return the command lines of all living processes with the mark, by process id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                alive = folder.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
                command = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                marked = self._mark.encode() in folder.joinpath("environ").read_bytes().split(b"\0")
                # Redis writes its title over its environment; the title names its socket.
                titled = f"unixsocket:{self._log.parent}/" in command
                if alive and (marked or titled):
                    found[int(folder.name)] = command
        return found

    def one_of(self, words: str) -> int:
        """Return the process id of the first process that has these words on its command line."""
        return min(pid for pid, command in self.family().items() if words in command)

    def signal(self, number: int) -> None:
        """Send it a signal; what it started does not get it."""
        self.process.send_signal(number)

    def end_all(self) -> None:
        """Kill whatever is left."""
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def marked(module: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> Iterator[Marked]:
    """Run the module; nothing of it is left at the end."""
    process = Marked(module, arguments, environment, log)
    try:
        yield process
    finally:
        process.end_all()
