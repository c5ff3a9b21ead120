"""The attempts of a stage, for the document's trace."""

from shared.contracts import Attempt
from shared.contracts.events import MOST_ATTEMPTS
from shared.errors import RejectedDocument
from shared.messaging.attempts import Attempts, continued, traced


def outcomes(attempts: tuple[Attempt, ...]) -> list[tuple[int, str]]:
    return [(attempt.number, attempt.outcome) for attempt in attempts]


def test_what_failed_here_is_told_with_what_worked() -> None:
    attempts = Attempts("parser", "one")
    attempts.remember(b"1-0", attempts.begin(b"1-0", 1).failed(OSError("busy")))

    trace = attempts.begin(b"1-0", 2).done()
    assert outcomes(trace) == [(1, "failed"), (2, "done")]
    assert trace[0].error == "OSError: busy"


def test_an_attempt_nobody_remembers_is_lost() -> None:
    """Its worker ended before it could tell."""
    assert outcomes(Attempts("parser", "two").begin(b"1-0", 3).done()) == [(1, "lost"), (2, "lost"), (3, "done")]


def test_what_has_come_to_its_end_is_forgotten() -> None:
    attempts = Attempts("parser", "one")
    attempts.remember(b"1-0", attempts.begin(b"1-0", 1).failed(OSError("busy")))
    attempts.forget(b"1-0")
    assert outcomes(attempts.begin(b"1-0", 2).done()) == [(1, "lost"), (2, "done")]


def test_an_error_can_be_sent_whatever_it_names() -> None:
    """A file's name need not be UTF-8, and Python then holds half a character."""
    (attempt,) = Attempts("parser", "one").begin(b"1-0", 1).failed(RejectedDocument("no \udcff here"))
    assert attempt.error == "no \\udcff here"
    assert attempt.model_dump_json()


def test_of_too_many_attempts_the_last_are_kept() -> None:
    many = tuple(Attempt(stage="parser", number=n + 1, outcome="done") for n in range(MOST_ATTEMPTS))
    last = Attempt(stage="indexer", number=1, outcome="done")
    assert continued(many, (last,)) == (*many[1:], last)


def test_outside_of_a_delivery_nothing_is_added() -> None:
    assert traced((), None) == ()
