"""How each fault is done to the running system."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from shared.messaging.envelope import FIELD
from shared.streams import Stream
from tests.chaos.clocks import Clocks
from tests.chaos.schedule import Fault
from tests.chaos.server import DisposableServer
from tests.services import HANG_SECONDS, Services

#: Microseconds by which each flush to disk is delayed while the disk is slow.
SLOW_FLUSH_US = 300_000
#: Seconds it may take to end that.
DETACH_SECONDS = 5.0


class Saboteur:
    """Does what the schedule says; what it killed or stopped it starts again at once."""

    def __init__(self, services: Services, server: DisposableServer, clocks: Clocks, seed: int) -> None:
        self._services = services
        self._server = server
        self._clocks = clocks
        self._chance = random.Random(seed)
        self._side_tasks: list[threading.Thread] = []
        #: Seconds each stop took; faults of stopping, in words.
        self.stops: list[float] = []
        self.differences: list[str] = []
        #: Messages nobody can read that were put on the stream of fetched documents.
        self.poison: list[bytes] = []
        #: When the index was lost, and when an indexer was stopped or began to start, in monotonic seconds.
        self.index_losses: list[float] = []
        self.indexer_stops: list[float] = [time.monotonic()]

    def inflict(self, fault: Fault) -> None:  # noqa: C901, PLR0912  one line a kind
        """Let it happen. Freezes, slow disks and slow stops go on beside the faults that follow."""
        name = fault.target
        if name == "indexer" and fault.kind in {"kill", "terminate", "lose index"}:
            self.indexer_stops.append(time.monotonic())
        match fault.kind:
            case "kill":
                self._services.kill(name)
                self._services.start(name)
            case "kill child":
                self._kill_child(name)
            case "terminate":
                self._terminate(name)
            case "freeze":
                self._beside(self._frozen(name), fault.amount)
            case "slow disk":
                self._beside(self._slowed(name), fault.amount)
            case "step clock":
                self._clocks.step(name, fault.amount)
            case "lose index":
                self.index_losses.append(time.monotonic())
                self._services.kill("indexer")
                shutil.rmtree(self._services.index)
                self._services.start("indexer")
            case "poison":
                self._put_poison()
            case "flush server":
                self._wait_for_side_tasks()
                with redis.Redis.from_url(self._server.url) as client:
                    client.flushall()
            case "kill server":
                self._wait_for_side_tasks()
                self._server.kill()
                self._server.start()
            case "wipe server":
                self._wait_for_side_tasks()
                self._server.wipe()
            case "copy server":
                self._server.copy()
            case "restore server":
                self._wait_for_side_tasks()
                self._server.restore()

    def end(self) -> None:
        """Wait until no fault is under way; all clocks go right again."""
        self._wait_for_side_tasks()
        for name in ("server", "fetcher", "parser-1", "indexer"):
            self._clocks.step(name, 0)

    def restart_the_ended(self) -> None:
        """A service that ended by itself is a difference; like a supervisor, start it again."""
        for name, code in self._services.ended().items():
            self.differences.append(f"{name} ended by itself with {code}")
            self._services.start(name)

    def _kill_child(self, name: str) -> None:
        if children := self._services.children(name):
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(children), signal.SIGKILL)

    def _terminate(self, name: str) -> None:
        self._wait_for_side_tasks()  # a frozen process does not hear that it shall stop
        start = time.monotonic()
        code = self._services.terminate(name)
        self.stops.append(time.monotonic() - start)
        # -15: it had not begun to mind signals yet, and had nothing in hand.
        if code not in {0, -signal.SIGTERM}:
            self.differences.append(f"{name} ended with {code} when told to stop (within {HANG_SECONDS} s)")
        if name == "indexer":
            self.indexer_stops.append(time.monotonic())
        self._services.start(name)

    def _put_poison(self) -> None:
        self._wait_for_side_tasks()  # a frozen server takes nothing
        with redis.Redis.from_url(self._server.url) as client:
            body = b"\x00 not a message \xff %d" % len(self.poison)
            client.xadd(Stream.FETCHED, {FIELD: body})
        self.poison.append(body)

    def _pid(self, name: str) -> int:
        return self._server.pid if name == "server" else self._services.pid(name)

    @contextmanager
    def _frozen(self, name: str) -> Iterator[None]:
        pid = self._pid(name)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):  # it was killed meanwhile, which a stopped process does not mind
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def _slowed(self, name: str) -> Iterator[None]:
        flushes = "fsync,fdatasync,sync_file_range"
        delay = ["--trace=" + flushes, f"--inject={flushes}:delay_enter={SLOW_FLUSH_US}"]
        strace = shutil.which("strace")
        if strace is None:
            yield
            return
        attached = subprocess.Popen(
            [strace, "--follow-forks", f"--attach={self._pid(name)}", "--output=/dev/null", *delay],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            attached.send_signal(signal.SIGINT)  # detaches; killed, it would leave them stopped
            try:
                attached.wait(DETACH_SECONDS)
            except subprocess.TimeoutExpired:  # who was killed meanwhile waits for it, and it for whom was killed
                attached.kill()
                attached.wait()

    def _beside(self, fault: "object", seconds: float) -> None:
        def last() -> None:
            with fault:  # type: ignore[attr-defined]
                time.sleep(seconds)

        self._side_tasks = [task for task in self._side_tasks if task.is_alive()]
        self._side_tasks.append(threading.Thread(target=last, daemon=True))
        self._side_tasks[-1].start()

    def _wait_for_side_tasks(self) -> None:
        """What freezes the server ends before it is killed: it might not be there to be thawed."""
        for task in self._side_tasks:
            task.join()
