"""How much of a bulk may be on the way at a time: what is dropped meanwhile must not wait for it."""

from services.fetcher.domain.pace import AHEAD_SECONDS, LEAST, MOST, RATE_SECONDS, Pace


def test_as_much_is_on_the_way_as_is_worked_off_in_a_moment() -> None:
    pace = Pace()
    assert pace.most_on_the_way(0, 0.0) == LEAST
    assert [pace.most_on_the_way(300 * n, float(n)) for n in range(1, 9)] == [round(300 * AHEAD_SECONDS)] * 8


def test_it_follows_a_machine_that_gets_slower_and_keeps_its_bounds() -> None:
    pace = Pace()
    pace.most_on_the_way(0, 0.0)
    assert pace.most_on_the_way(1_000_000, 1.0) == MOST
    assert pace.most_on_the_way(1_000_000, 1.5 + RATE_SECONDS) == LEAST
