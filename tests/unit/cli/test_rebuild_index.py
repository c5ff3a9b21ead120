"""`dateline rebuild-index`: it begins a rebuild and stays until that is over."""

import json
from typing import Any

import httpx
import pytest

from cli.commands.rebuild_index import AWAY_SECONDS, PATIENCE_SECONDS, State
from tests.unit.cli.desk import FakeDateline

AWAY = httpx.ConnectError("Connection refused")


@pytest.fixture
def dateline() -> FakeDateline:
    dateline = FakeDateline()
    dateline.on("POST", "/index/rebuild", httpx.Response(202, json={"documents": 100}))
    return dateline


def state(done: int, *, running: bool = True) -> dict[str, Any]:
    return {"running": running, "documents": 100, "done": done, "per_second": 5.0, "seconds_left": (100 - done) / 5.0}


def test_it_stays_until_all_is_done(dateline: FakeDateline) -> None:
    """And says how fast it was."""
    dateline.on("GET", "/index/rebuild", state(0), state(50), state(100, running=False))
    result = dateline.run("rebuild-index")

    assert (0, "Done: 100 documents, 5.0 a second.\n") == (result.exit_code, result.stdout)
    assert ["POST", "GET", "GET", "GET"] == [request.method for request in dateline.asked]


def test_json_is_its_last_state(dateline: FakeDateline) -> None:
    """Nothing else is written."""
    dateline.on("GET", "/index/rebuild", state(100, running=False))
    result = dateline.run("rebuild-index", "--json")

    assert state(100, running=False) == json.loads(result.stdout)


def test_one_that_runs_already_is_joined(dateline: FakeDateline) -> None:
    """Whoever began it."""
    dateline.on("POST", "/index/rebuild", httpx.Response(409, json={"detail": "It is being rebuilt already."}))
    dateline.on("GET", "/index/rebuild", state(50), state(100, running=False))

    assert dateline.run("rebuild-index").exit_code == 0


def test_one_that_cannot_begin_says_why(dateline: FakeDateline) -> None:
    dateline.on("POST", "/index/rebuild", httpx.Response(409, json={"detail": "Not with this index."}))
    dateline.on("GET", "/index/rebuild", state(0, running=False))
    result = dateline.run("rebuild-index")

    assert (1, "dateline: Not with this index.\n") == (result.exit_code, result.stderr)


def test_one_that_ends_early_fails(dateline: FakeDateline) -> None:
    dateline.on("GET", "/index/rebuild", state(50), state(60, running=False))
    result = dateline.run("rebuild-index")

    assert result.exit_code == 1
    assert "after 60 of 100 documents" in result.stderr


def test_a_restart_meanwhile_is_waited_for(dateline: FakeDateline) -> None:
    dateline.on("GET", "/index/rebuild", state(50), AWAY, AWAY, state(100, running=False))

    assert dateline.run("rebuild-index").exit_code == 0


@pytest.mark.parametrize(("last", "seconds"), [(AWAY, AWAY_SECONDS), (state(50), PATIENCE_SECONDS)])
def test_it_does_not_wait_for_ever(dateline: FakeDateline, last: Any, seconds: float) -> None:
    """Neither for a service that is gone nor for a rebuild that stands still."""
    start = dateline.clock()
    dateline.on("GET", "/index/rebuild", state(50), last)
    result = dateline.run("rebuild-index")

    assert result.exit_code == 3
    assert seconds < dateline.clock() - start < seconds + 10


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5.0, "5 s left"), (600.0, "10 min left"), (9_000.0, "2.5 h left"), (None, "1,234 a second")],
)
def test_rate_and_time_left_are_told_in_words(seconds: float | None, words: str) -> None:
    note = State(running=True, documents=9, done=1, per_second=1_234.4, seconds_left=seconds).note

    assert note.endswith(words)
    assert note.startswith("1,234 a second")
