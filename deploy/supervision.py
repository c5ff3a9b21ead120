"""Keeps processes running: one that ends is started again, soon at first, later if it keeps ending."""

import subprocess
import time
from collections.abc import Callable, Sequence

from deploy import child_process
from shared.errors import SetupError

#: Seconds until the first restart; doubled with each further one.
FIRST_DELAY_SECONDS = 0.2
#: Seconds until a restart, at most: a service that cannot run must not keep the machine busy.
MOST_DELAY_SECONDS = 5.0
#: Seconds a process must have run for its next end to count as the first one again.
STEADY_SECONDS = 10.0
#: Seconds the processes have to drain; what is left is killed. Their own bound is a little lower.
DRAIN_SECONDS = 8.0
#: Exit code of a process that cannot run as it is set up; its own line on stderr says why.
SETUP_EXIT_CODE = 2


class Supervised:
    """One process that is to run until it is told to stop.

    Args:
        name: what to call it when telling of it.
        launch: starts it.
        say: takes a line for the person at the terminal.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], subprocess.Popen[bytes]],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self._launch = launch
        self._say = say
        self._clock = clock
        self._started = 0.0
        self._due = 0.0
        self._ends = 0

    def start(self) -> None:
        """Start it."""
        self._started = self._clock()
        self.process = self._launch()

    def adopt(self, process: subprocess.Popen[bytes] | None) -> None:
        """Look after one that was started elsewhere."""
        self._started = self._clock()
        self.process = process

    def look(self) -> None:
        """Notice an end, and start it again when that is due. Raises `SetupError` if it never could run."""
        if self.process is None:
            if self._clock() >= self._due:
                self.start()
        elif (code := self.process.poll()) is not None:
            self._ended(self.process, code)

    def _ended(self, process: subprocess.Popen[bytes], code: int) -> None:
        steady = self._clock() - self._started >= STEADY_SECONDS
        if code == SETUP_EXIT_CODE and self._ends == 0 and not steady:
            raise SetupError(f"{self.name} cannot run as it is set up")
        child_process.kill(process)  # what it started and left behind
        self.process = None
        self._ends = 1 if steady else self._ends + 1
        delay = restart_delay(self._ends)
        self._due = self._clock() + delay
        self._say(f"{self.name} ended ({_how(code)}); starting it again in {delay:g} s")


def restart_delay(ends: int) -> float:
    """Return the seconds to wait after so many ends in a row, 1 or more."""
    return float(min(MOST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(ends - 1, 16)))


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def stop_all(supervised: Sequence[Supervised], hurried: Callable[[], bool], seconds: float = DRAIN_SECONDS) -> None:
    """Let all processes drain at the same time, kill those that take longer; kill at once when `hurried`."""
    processes = [each.process for each in supervised if each.process is not None]
    for process in processes:
        child_process.terminate(process)
    deadline = time.monotonic() + seconds
    while any(p.poll() is None for p in processes) and time.monotonic() < deadline and not hurried():
        time.sleep(0.05)
    for process in processes:
        child_process.kill(process)
