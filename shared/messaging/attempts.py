"""The attempts of one stage on a message, for the document's trace: those before, and the one under way.

What failed in this process is remembered until the message has come to its end. Of an attempt before that nobody
remembers, its worker ended first: it is `lost`.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.contracts import Attempt
from shared.contracts.events import MOST_ATTEMPTS
from shared.errors import RejectedDocument

#: Characters of an error in a trace; the whole of it is in the quarantine and the log.
ERROR_CHARACTERS = 300
#: Messages whose failed attempts are remembered; of one more, the oldest is forgotten.
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class AttemptHere:
    """The attempt under way, and those of this stage before it."""

    stage: str
    number: int
    worker: str
    earlier: tuple[Attempt, ...] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def done(self) -> tuple[Attempt, ...]:
        """Return the stage's part of the trace: it is done now."""
        return (*self.earlier, self._ended("done"))

    def failed(self, error: BaseException) -> tuple[Attempt, ...]:
        """Return the stage's part of the trace: it has failed now."""
        text = str(error) if isinstance(error, RejectedDocument) else f"{type(error).__name__}: {error}"
        return (*self.earlier, self._ended("failed", sendable(text)[:ERROR_CHARACTERS]))

    def _ended(self, outcome: str, error: str | None = None) -> Attempt:
        return Attempt.model_validate(
            {
                "stage": self.stage,
                "number": self.number,
                "outcome": outcome,
                "worker": self.worker,
                "started": self.started,
                "ended": datetime.now(UTC),
                "error": error,
            }
        )


class Attempts:
    """Remembers the failed attempts of one stage by one worker."""

    def __init__(self, stage: str, worker: str) -> None:
        self._stage = stage
        self._worker = worker
        self._failed: dict[bytes, tuple[Attempt, ...]] = {}

    def begin(self, entry: bytes, number: int) -> AttemptHere:
        """Begin the attempt of this number on the entry, in the current context."""
        known = {attempt.number: attempt for attempt in self._failed.get(entry, ())}
        earlier = (known.get(n) or Attempt(stage=self._stage, number=n, outcome="lost") for n in range(1, number))
        here = AttemptHere(self._stage, number, self._worker, tuple(earlier))
        _here.set(here)
        return here

    def remember(self, entry: bytes, attempts: tuple[Attempt, ...]) -> None:
        """The entry will be tried again."""
        self._failed[entry] = attempts
        if len(self._failed) > MOST_REMEMBERED:
            del self._failed[next(iter(self._failed))]

    def forget(self, entry: bytes) -> None:
        """The entry has come to its end."""
        self._failed.pop(entry, None)


_here: ContextVar[AttemptHere | None] = ContextVar("attempt", default=None)


def attempt_here() -> AttemptHere | None:
    """Return the attempt under way in this context; None outside of a delivery."""
    return _here.get()


def traced(before: Iterable[Attempt], here: AttemptHere | None) -> tuple[Attempt, ...]:
    """Return the trace with the attempt `here` done."""
    return continued(before, here.done() if here else ())


def continued(before: Iterable[Attempt], attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Return the trace with these attempts; of too many, the last."""
    return (*before, *attempts)[-MOST_ATTEMPTS:]


def sendable(text: str) -> str:
    """Return the text as a message can hold it: an error may name a file whose name is not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
