"""What a run came to, in figures and in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.chaos.faults import Saboteur
from tests.chaos.monitor import SILENCE_SECONDS, Observations, rate, recovery_seconds

#: Share of a run's median rate at which it is at full speed again.
FULL_SPEED = 0.8
#: Promised, in seconds: to stop, and to be at full speed again after the server's data were lost.
STOP_SECONDS, RECOVERY_SECONDS = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    server: str
    seconds: float
    lost_replies: int
    taken_over: int
    replayed: int
    stops: list[float]
    recoveries: list[float | None]
    seen: Observations
    differences: list[str]
    #: What took longer than promised; it says as much about the machine, and so no test asks for it.
    late: list[str]

    def lines(self) -> list[str]:
        """The run in words."""
        longest = max((seconds for _, seconds in self.seen.silences), default=0.0)
        recovered = [seconds for seconds in self.recoveries if seconds is not None]
        return [
            f"{self.server}: {self.seconds:.0f} s",
            f"differences: {len(self.differences)}",
            f"late: {len(self.late)}",
            f"replies lost: {self.lost_replies}",
            f"messages taken up again after a death, a restart or a lost reply: {self.taken_over}",
            f"looks at the accounting: {self.seen.looks}",
            f"searches answered: {self.seen.answers}; not, while the indexer was down: {self.seen.refused}",
            f"longest time without an answer: {longest:.1f} s",
            f"stops: {len(self.stops)}, the longest {max(self.stops, default=0):.1f} s",
            f"quarantined by three deaths, and replayed: {self.replayed}",
            f"losses of the server's data: {len(self.recoveries)}",
            f"full speed again after at most {max(recovered, default=0):.0f} s",
            f"losses after which the documents ended before: {len(self.recoveries) - len(recovered)}",
        ]


def taken_over(log: Path) -> int:
    """Count the messages that the services say they took up again."""
    with log.open() as lines:
        return sum(json.loads(line)["entries"] for line in lines if '"taken_over"' in line)


def of_search(seen: Observations, saboteur: Saboteur) -> tuple[list[str], list[str]]:
    """What was wrong with the search (short of documents, or silent though nobody had stopped it), and where late."""
    wrong, late = [], []
    for begin, seconds in seen.silences:
        end = begin + seconds
        # One that is told to stop answers until it has finished what it has in hand; one that is killed again before
        # it answers has not been silent for long.
        stops = [stop for stop in saboteur.indexer_stops if begin - STOP_SECONDS < stop < end]
        if not stops:
            wrong.append(f"search: silent for {seconds:.1f} s, and nobody had stopped it")
        elif end - max(stops) > SILENCE_SECONDS:
            late.append(f"search: silent for {end - max(stops):.1f} s after the indexer was started again")
    for before, after in zip(seen.samples, seen.samples[1:], strict=False):
        lost = any(before.when - 1 < loss < after.when for loss in saboteur.index_losses)
        if after.searchable < before.searchable and not lost:
            wrong.append(f"search: {before.searchable} documents could be found, then {after.searchable}")
    return wrong, late


def of_stops(stops: Sequence[float]) -> list[str]:
    """Which stops took longer than promised."""
    return [f"a stop took {seconds:.1f} s" for seconds in stops if seconds > STOP_SECONDS]


def of_recoveries(recoveries: Sequence[float | None]) -> list[str]:
    """Which losses of the server's data were made up for later than promised."""
    return [
        f"full speed {seconds:.0f} s after a loss of the server's data"
        for seconds in recoveries
        if seconds is not None and seconds > RECOVERY_SECONDS
    ]


def recoveries(seen: Observations, disposed: list[float]) -> list[float | None]:
    """Return for each loss of the server's data the seconds until full speed, None if the documents ended before."""
    rates = [rate(seen.samples, sample.when) for sample in seen.samples]
    full_speed = FULL_SPEED * median([r for r in rates if r > 0] or [0])
    return [recovery_seconds(seen.samples, when, full_speed) for when in disposed]
