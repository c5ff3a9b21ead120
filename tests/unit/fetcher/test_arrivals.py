"""Which file is looked at next, and when it has held still for long enough to be read."""

from services.fetcher.domain.arrivals import (
    AGED_ELSEWHERE_SECONDS,
    AGED_SECONDS,
    LINKED_SECONDS,
    PROMISED_SECONDS,
    Arrival,
    Arrivals,
)
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


def test_where_others_write_a_date_proves_little() -> None:
    """Their clocks may be wrong by hours."""
    arrival = Arrival(b"a", 10, SETTLE, bulk=False)
    young, old = stamp(5, AGED_SECONDS + 1), stamp(6, AGED_ELSEWHERE_SECONDS + 1)
    assert arrival.stillness(young, 10, NOW_ON_THE_WALL, elsewhere=True)[0] == SETTLE
    assert arrival.stillness(old, 10, NOW_ON_THE_WALL, elsewhere=True)[0] == 0


def test_of_a_link_nobody_says_that_it_is_whole() -> None:
    arrival = Arrival(b"a", 10, PROMISED_SECONDS, bulk=False)
    assert arrival.stillness(stamp(5), 10, NOW_ON_THE_WALL, linked=True)[0] == LINKED_SECONDS
    assert arrival.stillness(stamp(5, AGED_SECONDS + 1), 10, NOW_ON_THE_WALL, linked=True)[0] == 0


def test_a_file_that_is_written_to_is_looked_at_once_it_is_closed_or_after_a_while() -> None:
    arrivals = Arrivals()
    for now in range(10, 20):
        arrivals.expect(b"a", now)
    assert (taken(arrivals, 60), arrivals.next_due(bulk=False)) == (None, 10 + PROMISED_SECONDS)
    arrivals.note(b"a", 61, SETTLE)  # its mode changes, or a scan has found it: its writer may be at it still
    looked_at = arrivals.take(61, bulk=False)
    assert looked_at
    assert left(looked_at, stamp(5), 61) == PROMISED_SECONDS
    arrivals.later(looked_at, 61, PROMISED_SECONDS, unsettled=True)
    arrivals.done(looked_at)
    arrivals.note(b"a", 62, 0)
    closed = arrivals.take(62, bulk=False)
    assert closed
    assert left(closed, stamp(6), 62) == 0


def test_what_happens_to_a_file_in_hand_does_not_shorten_the_wait_for_its_writer() -> None:
    arrivals = Arrivals()
    arrivals.note(b"a", 10, PROMISED_SECONDS)
    in_hand = arrivals.take(10, bulk=False)
    assert in_hand
    assert left(in_hand, stamp(5), 10) == PROMISED_SECONDS
    arrivals.note(b"a", 11, SETTLE)
    arrivals.done(in_hand)
    again = arrivals.take(11, bulk=False)
    assert again
    assert left(again, stamp(5), 11) == PROMISED_SECONDS - 1


def test_what_is_being_written_keeps_nobody_waiting_for_what_has_moved() -> None:
    arrivals = Arrivals()
    arrivals.note(b"open", 10, PROMISED_SECONDS)
    looked_at = arrivals.take(10, bulk=False)
    assert looked_at
    assert arrivals.oldest() == 10
    arrivals.later(looked_at, 10, 5, unsettled=True)
    arrivals.done(looked_at)
    assert arrivals.oldest() is None
    arrivals.note(b"new", 12, 0)
    assert arrivals.oldest() == 12
    arrivals.note(b"open", 13, 0)
    assert arrivals.oldest() == 10
