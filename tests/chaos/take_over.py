"""How soon a dead worker's messages are worked on again, and that a live worker's never are, however long it takes.

`make take-over`: workers with messages in hand are killed one after the other, and each is replaced by one of another
name, so that nobody takes up its own work. One message is in hand of a worker that lives for the whole run.
"""

import argparse
import asyncio
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from shared.messaging import Intake
from shared.messaging.groups import create_groups
from shared.streams import Stream
from tests.chaos.run import say
from tests.chaos.server import DisposableServer
from tests.chaos.slow_worker import HANDS, LONG
from tests.messages import fetched

#: Workers at any time, beside the one with the long message.
WORKERS = 5
#: Seconds a message takes: longer than most of a lease, so that all are in hand when their worker is killed.
SECONDS = 8.0
#: Seconds between two kills.
EVERY_SECONDS = 4.0
#: Seconds within which 99 of 100 messages are worked on again.
P99_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Note:
    """A line of a worker's journal."""

    worker: str
    what: str
    sequence: int
    when: float


class Crew:
    """The workers and their journals."""

    def __init__(self, url: str, folder: Path, long_seconds: float) -> None:
        self._url = url
        self._folder = folder
        self._long_seconds = long_seconds
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._hired = 0

    def hire(self) -> str:
        """Start one more, under a name nobody had."""
        name = f"worker-{self._hired}"
        self._hired += 1
        journal, seconds = self._folder / name, (str(SECONDS), str(self._long_seconds))
        journal.touch()
        with (self._folder / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.slow_worker", self._url, name, str(journal), *seconds],
                stdout=log,
                stderr=log,
            )
        return name

    def kill(self, name: str) -> float:
        """SIGKILL; return when."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return time.monotonic()

    def notes(self) -> list[Note]:
        """All journals, in the order of time."""
        lines = [(journal.name, *line.split()) for journal in self._folder.glob("worker-*") for line in journal.open()]
        notes = [Note(worker, what, int(sequence), float(when)) for worker, what, sequence, when in lines]
        return sorted(notes, key=lambda note: note.when)

    def in_hand(self, name: str) -> set[int]:
        """Return what the worker has begun and not ended."""
        mine = [note for note in self.notes() if note.worker == name]
        return {n.sequence for n in mine if n.what == "begun"} - {n.sequence for n in mine if n.what == "ended"}

    def busy_with_none_of(self, sequences: Container[int], besides: str) -> str | None:
        """Return a worker with messages in hand, none of these: one that died twice waits to be handed out alone."""
        for name in self.processes:
            held = self.in_hand(name)
            if name != besides and held and not any(sequence in sequences for sequence in held):
                return name
        return None

    def stop(self) -> None:
        """SIGTERM to all, and wait."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(timeout=20)


async def measure(crew: Crew, client: Redis, kills: int, long_seconds: float) -> tuple[list[float], int]:
    """Kill so many workers; return the seconds to each take-over, and how often the long message was begun."""
    intake, last = Intake(client), LONG
    await intake.publish([fetched(LONG)])
    steady = crew.hire()
    while crew.in_hand(steady) != {LONG}:  # noqa: ASYNC110  another process says so in a file
        await asyncio.sleep(0.1)
    long_end = time.monotonic() + long_seconds
    for _ in range(WORKERS):
        crew.hire()
    deaths: dict[int, float] = {}
    while kills > 0:
        await asyncio.sleep(EVERY_SECONDS)
        wanted = max(0, WORKERS * HANDS // 2 - await client.xlen(Stream.FETCHED))
        await intake.publish([fetched(last + i + 1) for i in range(wanted)])
        last += wanted
        if victim := crew.busy_with_none_of(deaths, besides=steady):
            held = crew.in_hand(victim)
            deaths |= dict.fromkeys(held, crew.kill(victim))
            crew.hire()
            kills -= 1
    await asyncio.sleep(max(2 * P99_SECONDS, long_end + 5 - time.monotonic()))
    begun = [note for note in crew.notes() if note.what == "begun"]
    waits = [_first_after(begun, sequence, died) - died for sequence, died in deaths.items()]
    return waits, sum(note.sequence == LONG for note in begun)


def _first_after(begun: Sequence[Note], sequence: int, moment: float) -> float:
    return next((note.when for note in begun if note.sequence == sequence and note.when > moment), math.inf)


async def run(server: DisposableServer, folder: Path, kills: int, long_seconds: float) -> bool:
    """Measure and tell; return whether what is promised was kept."""
    crew = Crew(server.url, folder, long_seconds)
    try:
        async with Redis.from_url(server.url) as client:
            await create_groups(client)
            waits, begun_long = await measure(crew, client, kills, long_seconds)
    finally:
        crew.stop()
    waits.sort()
    p99 = waits[math.ceil(0.99 * len(waits)) - 1]
    say(
        f"{server.version}: {kills} kills, {len(waits)} messages taken over: median {waits[len(waits) // 2]:.1f} s, "
        f"p99 {p99:.1f} s, longest {waits[-1]:.1f} s; one in hand for {long_seconds:g} s was begun {begun_long} time(s)"
    )
    return p99 <= P99_SECONDS and begun_long == 1


def main() -> int:
    """Run once; 0 when the promise was kept."""
    parser = argparse.ArgumentParser(prog="make take-over ARGS=…", description=__doc__)
    parser.add_argument("--server", default="valkey-server", choices=["redis-server", "redis:8", "valkey-server"])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--long-seconds", type=float, default=610.0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="take-over"))
    folder.chmod(0o755)
    server = DisposableServer(options.server, folder / "redis", {})
    server.start()
    try:
        return 0 if asyncio.run(run(server, folder, options.kills, options.long_seconds)) else 1
    finally:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
