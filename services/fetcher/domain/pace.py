"""How much of a bulk may be on the way at a time."""

from collections import deque

#: Seconds of work that may be on the way: what is dropped meanwhile waits about as long.
AHEAD_SECONDS = 0.4
#: Seconds over which the rate of work is taken.
RATE_SECONDS = 3.0
#: Documents on the way, at least: what keeps a machine's parsers and the next commit busy before the rate is known.
LEAST, MOST = 48, 1_000


class Pace:
    """Follows how fast documents are settled, and lets as many more come as keep everybody busy, and no more."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def most_on_the_way(self, settled: int, now: float) -> int:
        """Return how many documents may be on the way.

        Args:
            settled: documents settled since the start of the process.
            now: monotonic seconds.
        """
        self._looks.append((now, settled))
        while now - self._looks[0][0] > RATE_SECONDS:
            self._looks.popleft()
        then, before = self._looks[0]
        rate = (settled - before) / (now - then) if now > then else 0.0
        return max(LEAST, min(MOST, round(rate * AHEAD_SECONDS)))
