"""Files that something happened to and that wait to be looked at, and when each has settled enough to be read."""

import heapq
from dataclasses import dataclass

from services.fetcher.domain.identity import Stamp

#: Seconds after which a file that is still open for writing is read all the same: a log may never be closed.
WRITER_PATIENCE_SECONDS = 600.0
#: Seconds a file must hold still whose writer should say when it has closed it, where nobody can tell whether it has.
PROMISED_SECONDS = 60.0
#: The same for a file with several names: it was most likely linked, and nobody will say anything.
LINKED_SECONDS = 1.0
#: Seconds after its last change a file counts as settled at the first look: by this machine's clock, and where others
#: write to the folder, by clocks that may be wrong.
AGED_SECONDS, AGED_ELSEWHERE_SECONDS = 60.0, 86_400.0


@dataclass(slots=True)
class Arrival:
    """A file to look at, with the time of the next look (seconds of the caller's clock)."""

    path: bytes
    noted: float  # when it was first heard of, since it was last dealt with
    hold: float  # seconds it must be seen unchanged before it is read
    bulk: bool  # found by a scan: it gives way to what was dropped meanwhile
    due: float = 0.0
    stamp: Stamp | None = None  # of the last look
    since: float = 0.0  # when that stamp was first seen
    unsettled: bool = False  # it was looked at, and is still being written: it is nothing that has moved

    def stillness(
        self, stamp: Stamp, now: float, wall_now: float, *, linked: bool = False, elsewhere: bool = False
    ) -> tuple[float, float]:
        """Return for how many seconds the file has to hold still yet, and for how many every look saw this stamp.

        Args:
            now: as in `Arrivals`.
            wall_now: seconds since the epoch, to compare with the file's dates.
            linked: whether the file has several names.
            elsewhere: whether other machines write to the folder.
        """
        if self.stamp != stamp:
            self.stamp, self.since = stamp, now
        held = now - self.since
        hold = min(self.hold, LINKED_SECONDS) if linked else self.hold
        age = wall_now - stamp.modified_ns / 1e9
        aged = age > (AGED_ELSEWHERE_SECONDS if elsewhere else AGED_SECONDS) and hold < PROMISED_SECONDS
        return (0.0 if aged else max(0.0, hold - held)), held


class Arrivals:
    """Each path at most once; what happens to a file while somebody looks at it is looked at after."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, Arrival] = {}
        self._in_hand: dict[bytes, Arrival] = {}
        self._fresh: list[tuple[float, bytes]] = []
        self._bulk: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_hand)

    def note(  # noqa: PLR0913  all there is to say of a file
        self,
        path: bytes,
        now: float,
        hold: float,
        *,
        bulk: bool = False,
        delay: float = 0.0,
        since: float | None = None,
    ) -> None:
        """Something happened to this file, `since` then, or may have: look at it now, or after `delay` seconds.

        What is known of the file's stillness is kept, and so is a longer `hold` of an earlier note, unless this one
        says that the file is whole (0).
        """
        arrival = self._waiting.get(path) or self._anew(path, now if since is None else since, hold, bulk=bulk)
        arrival.hold = max(hold, arrival.hold) if hold else 0.0
        arrival.bulk = arrival.bulk and bulk
        arrival.unsettled = False
        self._wait(arrival, now + delay)

    def expect(self, path: bytes, now: float) -> None:
        """Somebody writes to this file, and will say when it is whole; should nobody, it is looked at after a while."""
        waiting = self._waiting.get(path)
        if waiting is None or waiting.hold < PROMISED_SECONDS:
            self.note(path, now, PROMISED_SECONDS, delay=PROMISED_SECONDS)
            self._waiting[path].unsettled = True

    def later(self, arrival: Arrival, now: float, seconds: float, *, unsettled: bool = False) -> None:
        """Look at it again after a while; what happens to it before counts for more."""
        if arrival.path not in self._waiting:
            arrival.unsettled = unsettled
            self._wait(arrival, now + seconds)

    def take(self, now: float, *, bulk: bool) -> Arrival | None:
        """Take the one whose time came first, one found by a scan only if `bulk`; whoever takes it calls `done`."""
        for heap in (self._fresh, self._bulk) if bulk else (self._fresh,):
            while heap and heap[0][0] <= now:
                due, path = heapq.heappop(heap)
                arrival = self._waiting.get(path)
                if arrival and arrival.due == due and path not in self._in_hand:
                    del self._waiting[path]
                    self._in_hand[path] = arrival
                    return arrival
        return None

    def done(self, arrival: Arrival) -> None:
        """It was looked at."""
        del self._in_hand[arrival.path]
        again = self._waiting.get(arrival.path)
        if again:
            self._push(again)

    def next_due(self, *, bulk: bool) -> float | None:
        """Return when the next one is to be looked at, None when none is."""
        heaps = (self._fresh, self._bulk) if bulk else (self._fresh,)
        return min((heap[0][0] for heap in heaps if heap), default=None)

    def oldest(self) -> float | None:
        """Return when the one was heard of first that is still to be dealt with, and is not just being written."""
        known = (*self._waiting.values(), *self._in_hand.values())
        return min((arrival.noted for arrival in known if not arrival.unsettled), default=None)

    def found(self) -> int:
        """Return how many wait that a scan has found."""
        return len(self._bulk)

    def _anew(self, path: bytes, noted: float, hold: float, *, bulk: bool) -> Arrival:
        in_hand = self._in_hand.get(path)
        if in_hand is None:
            return Arrival(path, noted, hold, bulk)
        return Arrival(path, noted, max(hold, in_hand.hold), bulk, stamp=in_hand.stamp, since=in_hand.since)

    def _wait(self, arrival: Arrival, due: float) -> None:
        arrival.due = due
        self._waiting[arrival.path] = arrival
        if arrival.path not in self._in_hand:
            self._push(arrival)

    def _push(self, arrival: Arrival) -> None:
        heapq.heappush(self._bulk if arrival.bulk else self._fresh, (arrival.due, arrival.path))
