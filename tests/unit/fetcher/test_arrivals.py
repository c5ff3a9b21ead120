"""A file is read when it has settled, and looked at again whenever something happens to it."""

from services.fetcher.domain.arrivals import Arrivals
from services.fetcher.domain.identity import Stamp

SETTLE = 0.25


def stamp(size: int) -> Stamp:
    return Stamp(size=size, modified_ns=1, changed_ns=1, inode=1)


def test_an_old_file_may_be_read_at_the_first_look() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.note([b"a.txt"], now=10)
    assert arrivals.take_due(now=10, most=4) == [b"a.txt"]
    assert arrivals.settled(b"a.txt", stamp(5), now=10, age_seconds=3_600)


def test_a_new_file_is_read_when_two_looks_saw_the_same() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.note([b"a.txt"], now=10)
    arrivals.take_due(now=10, most=4)
    assert not arrivals.settled(b"a.txt", stamp(5), now=10, age_seconds=0)
    assert arrivals.take_due(now=10.1, most=4) == []
    assert arrivals.take_due(now=10 + SETTLE, most=4) == [b"a.txt"]
    assert arrivals.settled(b"a.txt", stamp(5), now=10 + SETTLE, age_seconds=0)


def test_a_file_that_grows_is_not_read() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.note([b"a.txt"], now=10)
    now = 10.0
    for size in range(20):
        assert arrivals.take_due(now, most=4) == [b"a.txt"]
        assert not arrivals.settled(b"a.txt", stamp(size), now, age_seconds=0)
        now += SETTLE


def test_a_file_with_a_date_in_the_future_settles_too() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.settled(b"a.txt", stamp(5), now=10, age_seconds=-3_600)
    assert arrivals.settled(b"a.txt", stamp(5), now=10.3, age_seconds=-3_600)


def test_what_happens_while_a_file_is_read_is_looked_at_after() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.note([b"a.txt"], now=10)
    arrivals.take_due(now=10, most=4)
    arrivals.note([b"a.txt"], now=10.5)
    arrivals.done(b"a.txt")
    assert arrivals.take_due(now=11, most=4) == [b"a.txt"]
    arrivals.done(b"a.txt")
    assert len(arrivals) == 0


def test_no_more_are_taken_than_asked_for() -> None:
    arrivals = Arrivals(SETTLE)
    arrivals.note([b"%d" % i for i in range(9)], now=10)
    assert [len(arrivals.take_due(now=10, most=4)) for _ in range(4)] == [4, 4, 1, 0]
