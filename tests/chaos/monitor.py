"""Looks at the running system a few times a second: does the accounting add up, does the search answer?"""

import threading
import time
from dataclasses import dataclass, field

import httpx

from tests.services import Services

#: Seconds between two looks.
EVERY_SECONDS = 0.25
#: Seconds a stopped or killed indexer may be silent, and any answer may take.
SILENCE_SECONDS = 5.0
#: Seconds over which a rate is taken.
RATE_SECONDS = 5.0


@dataclass(slots=True)
class Sample:
    """One look, by the monotonic clock: how many documents were indexed and searchable."""

    when: float
    indexed: int
    searchable: int


@dataclass(slots=True)
class Observations:
    """What was seen in a run."""

    samples: list[Sample] = field(default_factory=list)
    looks: int = 0
    answers: int = 0
    refused: int = 0
    silences: list[tuple[float, float]] = field(default_factory=list)  # (monotonic begin, seconds)
    differences: list[str] = field(default_factory=list)


class Monitor:
    """A thread that looks until it is stopped."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.seen = Observations()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._silent_since: float | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> Observations:
        """End; return what was seen."""
        self._stopping.set()
        self._thread.join()
        return self.seen

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                self._look()
            except AssertionError as error:
                self.seen.differences.append(f"accounting does not add up: {error}")

    def _look(self) -> None:
        self._search()
        status = self._services.status()
        self.seen.looks += 1
        if status:
            self.seen.samples.append(Sample(time.monotonic(), status["indexed"], status["searchable"]))

    def _search(self) -> None:
        now = time.monotonic()
        try:
            code = self._services.ask("indexer", "/search", q="harbour").status_code
        except httpx.HTTPError:
            self.seen.refused += 1
            self._silent_since = self._silent_since or now
            return
        self.seen.answers += 1
        if code != httpx.codes.OK:
            self.seen.differences.append(f"a search was answered {code}")
        if self._silent_since:
            self.seen.silences.append((self._silent_since, time.monotonic() - self._silent_since))
            self._silent_since = None


def rate(samples: list[Sample], at: float) -> float:
    """Return documents indexed per second in the `RATE_SECONDS` before this moment."""
    window = [s for s in samples if at - RATE_SECONDS <= s.when <= at]
    if len(window) < 2:
        return 0.0
    return (window[-1].indexed - window[0].indexed) / (window[-1].when - window[0].when)


def recovery_seconds(samples: list[Sample], fault: float, full_speed: float) -> float | None:
    """Return how long after the fault documents came at `full_speed` again; None when they never did."""
    after = [s for s in samples if s.when >= fault + RATE_SECONDS]
    return next((s.when - fault for s in after if rate(samples, s.when) >= full_speed), None)
