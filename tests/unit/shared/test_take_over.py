"""Who counts as dead: judged by heartbeats and the observer's own clock, never by anybody's wall clock."""

from shared.messaging.leases import LEASE_SECONDS, LEFT
from shared.messaging.take_over import Liveness
from shared.testing.clock import FakeClock

STEP = 1.0


def look(liveness: Liveness, clock: FakeClock, beats: dict[str, int], seconds: float) -> set[str]:
    """Look once a second for this long, at the same beats; return the last answer."""
    dead: set[str] = set()
    for _ in range(round(seconds / STEP)):
        clock.advance(STEP)
        dead = liveness.dead(beats, ["other"])
    return dead


def test_a_consumer_is_alive_while_its_beat_moves() -> None:
    clock = FakeClock()
    liveness = Liveness(clock)
    answers = [look(liveness, clock, {"other": beat}, 1) for beat in range(60)]
    assert answers == [set()] * 60


def test_a_consumer_is_dead_when_its_beat_stood_still_for_a_lease() -> None:
    clock = FakeClock()
    liveness = Liveness(clock)
    assert look(liveness, clock, {"other": 7}, LEASE_SECONDS) == set()
    assert look(liveness, clock, {"other": 7}, 1) == {"other"}


def test_a_consumer_that_never_beat_is_dead_after_a_lease() -> None:
    clock = FakeClock()
    liveness = Liveness(clock)
    assert look(liveness, clock, {}, LEASE_SECONDS + 1) == {"other"}


def test_a_consumer_that_took_its_leave_is_dead_at_once() -> None:
    clock = FakeClock()
    assert look(Liveness(clock), clock, {"other": LEFT}, 1) == {"other"}


def test_nobody_is_dead_after_a_pause_in_which_nobody_could_be_seen() -> None:
    clock = FakeClock()
    liveness = Liveness(clock)
    look(liveness, clock, {"other": 7}, 3)
    clock.advance(LEASE_SECONDS * 6)  # the server was away, or this process was stopped
    assert liveness.dead({"other": 7}, ["other"]) == set()
    assert look(liveness, clock, {"other": 7}, LEASE_SECONDS) == {"other"}
