"""Files that were seen and wait until they have settled: nothing is read while it is still being written."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from services.fetcher.domain.identity import Stamp


@dataclass(slots=True)
class _Waiting:
    due: float
    stamp: Stamp | None = None  # of the last look


class Arrivals:
    """Paths to look at, each with the time of its next look (seconds of the caller's clock)."""

    def __init__(self, settle_seconds: float) -> None:
        self._settle = settle_seconds
        self._waiting: dict[bytes, _Waiting] = {}
        self._order: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, paths: Iterable[bytes], now: float) -> None:
        """Something happened to these files, or may have: look at them now."""
        for path in paths:
            waiting = self._waiting.get(path)
            self._set(path, now, waiting.stamp if waiting else None)

    def later(self, path: bytes, now: float, seconds: float) -> None:
        """Look at the file again after a while."""
        self._set(path, now + seconds, None)

    def take_due(self, now: float, most: int) -> list[bytes]:
        """Take at most `most` paths whose time has come; whoever takes one looks at it and then calls `settled`."""
        due: list[bytes] = []
        while self._order and self._order[0][0] <= now and len(due) < most:
            when, path = heapq.heappop(self._order)
            if path in self._waiting and self._waiting[path].due == when:
                self._waiting[path].due = float("inf")  # in the taker's hands
                due.append(path)
        return due

    def settled(self, path: bytes, stamp: Stamp, now: float, age_seconds: float) -> bool:
        """Return whether the file with this stamp may be read; if not, it is looked at again later.

        It may when the last look saw the same stamp, or when it is older than the settling time anyway (a file
        moved in, or one that lay there before the start).
        """
        waiting = self._waiting.get(path)
        if age_seconds >= self._settle or (waiting and waiting.stamp == stamp):
            return True
        self._set(path, now + self._settle, stamp)
        return False

    def done(self, path: bytes) -> None:
        """The file was dealt with; unless something happened to it meanwhile, it is not looked at again."""
        waiting = self._waiting.get(path)
        if waiting and waiting.due == float("inf"):
            del self._waiting[path]

    def _set(self, path: bytes, due: float, stamp: Stamp | None) -> None:
        self._waiting[path] = _Waiting(due, stamp)
        heapq.heappush(self._order, (due, path))
