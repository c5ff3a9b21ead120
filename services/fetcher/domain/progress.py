"""How far a bulk drop is, and how long it will take."""

from collections import deque
from datetime import datetime

from shared.contracts import Progress

#: Seconds over which the rate is taken: long enough not to jump, short enough to follow.
RATE_SECONDS = 15.0
#: Seconds for which the end of a bulk drop stays to be seen.
SHOWN_SECONDS = 30.0


class ProgressMeter:
    """Follows two numbers: what is left to do, and what was ever done.

    Both are counted, never guessed, so that `done` is `total` exactly when nothing is left.
    """

    def __init__(self) -> None:
        self._started: datetime | None = None
        self._before = 0  # done before it started
        self._ended: float | None = None
        self._looks: deque[tuple[float, int]] = deque()

    def look(self, left: int, done: int, now: float, wall_now: datetime) -> Progress | None:
        """Return how far it is; None when nothing has been to do for a while.

        Args:
            left: documents and files that are not in a final state.
            done: documents brought to a final state since the start of the process.
            now: monotonic seconds.
        """
        self._looks.append((now, done))
        while now - self._looks[0][0] > RATE_SECONDS:
            self._looks.popleft()
        if left and (self._started is None or self._ended is not None):
            self._started, self._before, self._ended = wall_now, self._done_lately(done), None
        if not left and self._ended is None:
            self._ended = now
        if self._started is None or (self._ended is not None and now - self._ended > SHOWN_SECONDS):
            self._started = None
            return None
        rate = self._rate()
        mine = max(0, done - self._before)
        return Progress(
            total=mine + left,
            done=mine,
            started=self._started,
            per_second=round(rate, 2),
            seconds_left=round(left / rate, 1) if rate else (None if left else 0.0),
        )

    def _done_lately(self, done: int) -> int:
        # What was done since the last look belongs to the drop that is seen only now.
        return self._looks[-2][1] if len(self._looks) > 1 else done

    def _rate(self) -> float:
        (then, before), (now, done) = self._looks[0], self._looks[-1]
        return max(0.0, (done - before) / (now - then)) if now > then else 0.0
