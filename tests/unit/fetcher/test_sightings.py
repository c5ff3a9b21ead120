"""What waits to be read, newest first, and what the rules leave out, listed with its rule."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place, Stamp


@pytest.fixture
def sightings(tmp_path: Path) -> Iterator[Sightings]:
    with closing(LedgerFile(tmp_path)) as file:
        yield Sightings(file)


def test_what_was_changed_last_is_taken_first(sightings: Sightings) -> None:
    sightings.find("inbox", [(b"%d" % i, i) for i in (3, 1, 2, 5, 4)])
    sightings.find("inbox", [(b"5", 9)])
    sightings.find("other", [(b"6", 6)])
    assert sightings.found == 6
    assert [sightings.take_newest("inbox", 2) for _ in range(4)] == [[b"5", b"4"], [b"3", b"2"], [b"1"], []]
    assert (sightings.found, sightings.waiting("inbox"), sightings.waiting("other")) == (1, False, True)


def test_what_is_left_out_is_listed_once_and_forgotten_when_it_is_gone(sightings: Sightings) -> None:
    sightings.ignore("inbox", [(b"a.tmp", "*.tmp"), (b"drafts/", "drafts/")])
    sightings.ignore("inbox", [(b"a.tmp", "a.*")])
    assert {file.path: file.rule for file in sightings.newest_ignored().files} == {"a.tmp": "a.*", "drafts/": "drafts/"}
    assert sightings.ignored_of("inbox", [b"a.tmp", b"b.txt"]) == {b"a.tmp"}
    sightings.forget(Place("inbox", b"a.tmp"))
    sightings.forget(Place("inbox", b"a.tmp"))
    assert (sightings.ignored, sightings.newest_ignored().total, sightings.ignored_in("inbox")) == (1, 1, 1)
    sightings.ignore("other", [(b"a.tmp", "*.tmp")])
    assert (sightings.ignored, sightings.ignored_in("inbox"), sightings.ignored_in("other")) == (2, 1, 1)


def test_a_list_is_known_until_it_is_gone_however_often_it_is_read(sightings: Sightings) -> None:
    place, stamp, later = Place("inbox", b"urls.txt"), Stamp(1, 2, 3, 4), Stamp(2, 3, 4, 4)
    for seen in (stamp, later):
        sightings.enter_list(place, seen)
    assert sightings.lists_of("inbox", [b"urls.txt", b"a.txt"]) == {b"urls.txt": later}
    assert sightings.lists_in("inbox") == [b"urls.txt"]
    sightings.forget_list(place)
    sightings.forget_list(place)
    sightings.enter_list(place, stamp)
    assert sightings.lists_in("inbox") == [b"urls.txt"]


def test_what_is_left_out_is_known_after_a_restart_and_what_waited_is_found_again(tmp_path: Path) -> None:
    with closing(LedgerFile(tmp_path)) as file:
        before = Sightings(file)
        before.ignore("inbox", [(b"a.tmp", "*.tmp")])
        before.find("inbox", [(b"a", 1)])
    with closing(LedgerFile(tmp_path)) as file:
        after = Sightings(file)
        assert (after.ignored, after.found, after.take_newest("inbox", 9)) == (1, 0, [])
        assert after.ignored_in("inbox") == 1
