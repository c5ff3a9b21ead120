"""Which file is looked at next, and when it has held still for long enough to be read."""

from services.fetcher.domain.arrivals import AGED_SECONDS, PROMISED_SECONDS, Arrival, Arrivals
from services.fetcher.domain.identity import Stamp

SETTLE = 1.0
NOW_ON_THE_WALL = 1_800_000_000.0


def stamp(size: int, age_seconds: float = 0.0) -> Stamp:
    modified_ns = int((NOW_ON_THE_WALL - age_seconds) * 1e9)
    return Stamp(size=size, modified_ns=modified_ns, changed_ns=1, inode=1)


def taken(arrivals: Arrivals, now: float, *, bulk: bool = True) -> bytes | None:
    arrival = arrivals.take(now, bulk=bulk)
    return arrival.path if arrival else None


def left(arrival: Arrival, stamp: Stamp, now: float) -> float:
    return arrival.stillness(stamp, now, NOW_ON_THE_WALL)[0]


def test_an_old_file_need_not_hold_still() -> None:
    assert left(Arrival(b"a", 10, SETTLE, bulk=False), stamp(5, AGED_SECONDS + 1), now=10) == 0


def test_a_file_just_written_holds_still_between_two_looks() -> None:
    arrival = Arrival(b"a", 10, SETTLE, bulk=False)
    assert [left(arrival, stamp(5), now) for now in (10, 10.25, 11)] == [SETTLE, 0.75, 0]


def test_a_file_that_grows_is_never_still() -> None:
    arrival = Arrival(b"a", 10, SETTLE, bulk=False)
    assert {left(arrival, stamp(size), 10 + size) for size in range(20)} == {SETTLE}


def test_a_file_with_a_date_in_the_future_settles_too() -> None:
    arrival = Arrival(b"a", 10, SETTLE, bulk=False)
    assert [left(arrival, stamp(5, -3_600), now) for now in (10, 11)] == [SETTLE, 0]


def test_a_new_file_whose_writer_will_tell_is_waited_for_longer_whatever_its_date() -> None:
    """`cp -p` gives a file its old date only at the end; another tool may do so first."""
    arrival = Arrival(b"a", 10, PROMISED_SECONDS, bulk=False)
    assert left(arrival, stamp(5, 3_600), now=10) == PROMISED_SECONDS


def test_a_closed_file_need_not_hold_still_and_one_whose_mode_changes_after_that_must_again() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a", 10, PROMISED_SECONDS)
    arrivals.note(b"a", 10, SETTLE)
    arrivals.note(b"a", 10, 0)
    closed = arrivals.take(10, bulk=False)
    assert closed is not None
    assert left(closed, stamp(5), now=10) == 0


def test_a_note_of_a_change_does_not_shorten_the_wait_for_the_writer() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a", 10, PROMISED_SECONDS)
    arrivals.note(b"a", 10, SETTLE)
    new = arrivals.take(10, bulk=False)
    assert new is not None
    assert new.hold == PROMISED_SECONDS


def test_what_happens_while_a_file_is_read_is_looked_at_after() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a.txt", 10, SETTLE)
    arrival = arrivals.take(10, bulk=True)
    assert arrival is not None
    arrivals.note(b"a.txt", 10.5, SETTLE)
    assert taken(arrivals, 11) is None
    arrivals.done(arrival)
    assert taken(arrivals, 11) == b"a.txt"


def test_a_file_to_be_looked_at_later_is_looked_at_then_and_once() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a.txt", 10, SETTLE)
    arrival = arrivals.take(10, bulk=True)
    assert arrival is not None
    arrivals.later(arrival, 10, SETTLE)
    arrivals.done(arrival)
    assert (arrivals.next_due(bulk=True), taken(arrivals, 10.9)) == (11, None)
    assert [taken(arrivals, 11), taken(arrivals, 99)] == [b"a.txt", None]


def test_what_is_dropped_goes_before_what_a_scan_has_found() -> None:
    arrivals = Arrivals()
    arrivals.note(b"old.txt", 10, SETTLE, bulk=True)
    arrivals.note(b"new.txt", 11, SETTLE)
    assert [taken(arrivals, 11), taken(arrivals, 11)] == [b"new.txt", b"old.txt"]


def test_a_reader_for_what_is_dropped_takes_nothing_else() -> None:
    arrivals = Arrivals()
    arrivals.note(b"old.txt", 10, SETTLE, bulk=True)
    assert (taken(arrivals, 11, bulk=False), arrivals.next_due(bulk=False)) == (None, None)
    arrivals.note(b"old.txt", 12, SETTLE)
    assert taken(arrivals, 12, bulk=False) == b"old.txt"
    assert taken(arrivals, 12) is None


def test_the_oldest_is_the_one_heard_of_first_until_it_is_dealt_with() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a", 10, SETTLE)
    arrivals.note(b"b", 11, SETTLE)
    arrivals.note(b"a", 12, SETTLE)
    first = arrivals.take(12, bulk=True)
    assert first is not None
    assert (len(arrivals), arrivals.oldest()) == (2, 10)
    second = arrivals.take(12, bulk=True)
    assert second is not None
    arrivals.done(first if first.path == b"a" else second)
    assert (len(arrivals), arrivals.oldest()) == (1, 11)
