"""`dateline status`: the state of things once, or for as long as somebody looks."""

import json

import httpx
import pytest

from cli.commands.status import ANSWER_SECONDS
from cli.status_watch import BEGIN_SECONDS
from tests.unit.cli.desk import HOSTILE, FakeDateline, progress, quiet, status

AWAY = httpx.ConnectError("Connection refused")
NOT_COUNTED = httpx.Response(503, json={"detail": "The fetcher has not counted its documents yet."})
TERMINAL: dict[str, str | None] = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "100"}


@pytest.fixture
def dateline() -> FakeDateline:
    return FakeDateline()


def test_every_number_is_told_under_its_name(dateline: FakeDateline) -> None:
    """And what is under way, with the time it takes."""
    dateline.on("GET", "/status", status(found=1_234, pages=3, ignored=2, progress=progress(999, 4_000)))
    result = dateline.run("status")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "accepted       10",
        "indexed         4",
        "duplicate       1",
        "rejected        1  `dateline quarantine list` tells why",
        "removed         1",
        "on the way      3  parser 2, indexer 1",
        "found       1,234  not read yet",
        "web pages       3  still to be fetched",
        "ignored         2  left out by the rules",
        "progress    999 of 4,000 (24.9 %), 50 a second, 60 s left",
    ]


def test_a_service_that_counts_nothing_beside_documents_is_understood(dateline: FakeDateline) -> None:
    """One that was not updated yet."""
    answer = {name: value for name, value in status().items() if name not in ("found", "pages", "ignored", "progress")}
    dateline.on("GET", "/status", answer)

    assert 0 == dateline.run("status").exit_code


def test_json_is_what_the_api_answered(dateline: FakeDateline) -> None:
    """All of it."""
    dateline.on("GET", "/status", status(something_new=HOSTILE))
    result = dateline.run("status", "--json")

    assert status(something_new=HOSTILE) == json.loads(result.stdout)
    assert result.stdout.isascii()


@pytest.mark.parametrize(("answer", "code"), [(AWAY, 3), (NOT_COUNTED, 3), (httpx.Response(404), 1)])
def test_once_asked_it_fails_like_every_command(
    dateline: FakeDateline, answer: httpx.Response | Exception, code: int
) -> None:
    dateline.on("GET", "/status", answer)
    result = dateline.run("status")

    assert (code, "") == (result.exit_code, result.stdout)
    assert 1 == len(result.stderr.splitlines())


def test_without_a_terminal_each_change_is_a_line(dateline: FakeDateline) -> None:
    """At most one a second, until Ctrl-C; that ends well."""
    same = status(progress=progress(10, 100))
    dateline.on("GET", "/status", same, same, {**same, "counted": "2026-03-14T09:27:00Z"}, quiet())
    dateline.patience = 10
    result = dateline.run("status", "--watch")

    assert (0, "") == (result.exit_code, result.stderr)
    first, second = result.stdout.splitlines()
    assert first == (
        "accepted 10, indexed 4, duplicate 1, rejected 1, removed 1, on the way 3 (parser 2, indexer 1), found 0, "
        "web pages 0, ignored 0, progress 10 of 100 (10 %), 50 a second, 2 s left"
    )
    assert second == (
        "accepted 7, indexed 4, duplicate 1, rejected 1, removed 1, on the way 0, found 0, web pages 0, ignored 0"
    )
    assert len(dateline.asked) == 10


def test_json_is_a_line_for_each_change_as_well(dateline: FakeDateline) -> None:
    dateline.on("GET", "/status", status(), status(counted="2026-03-14T09:27:00Z"), quiet())
    dateline.patience = 5
    result = dateline.run("status", "--watch", "--json")

    assert [status(), quiet()] == [json.loads(line) for line in result.stdout.splitlines()]


def test_a_service_that_is_away_is_asked_until_it_answers(dateline: FakeDateline) -> None:
    """It is said once; what is the same afterwards is told again."""
    dateline.on("GET", "/status", AWAY, AWAY, quiet(), NOT_COUNTED, httpx.ReadTimeout("late"), quiet(), quiet())
    dateline.patience = 20
    result = dateline.run("status", "--watch")

    assert result.exit_code == 0
    assert 2 == len(result.stdout.splitlines())
    assert ["does not answer", "has not counted"] == [
        words
        for line in result.stderr.splitlines()
        for words in ("does not answer", "has not counted")
        if words in line and "Trying again" in line
    ]


def test_no_look_waits_long_for_its_answer(dateline: FakeDateline) -> None:
    dateline.on("GET", "/status", status())
    dateline.run("status")

    assert {"connect": 3.0, "read": ANSWER_SECONDS, "write": ANSWER_SECONDS, "pool": ANSWER_SECONDS} == (
        dateline.asked[0].extensions["timeout"]
    )


@pytest.mark.parametrize("last", [quiet(), quiet(progress=progress(100, 100))])
def test_until_done_ends_when_what_was_under_way_is_done(dateline: FakeDateline, last: dict[str, object]) -> None:
    """The moment after the last of it; a service that is away meanwhile ends nothing."""
    dateline.on("GET", "/status", AWAY, status(progress=progress(50, 100)), AWAY, status(), quiet(found=1), last)
    result = dateline.run("status", "--until-done")

    assert result.exit_code == 0
    assert len(dateline.asked) == 6


def test_until_done_waits_a_moment_for_something_to_begin(dateline: FakeDateline) -> None:
    """Files that were copied a moment ago are not seen yet; where nothing comes, nothing is left to do."""
    begin = dateline.clock()
    dateline.on("GET", "/status", quiet())
    result = dateline.run("status", "--watch", "--until-done")

    assert result.exit_code == 0
    assert BEGIN_SECONDS <= dateline.clock() - begin <= BEGIN_SECONDS + 1


def test_until_done_was_not_done_when_it_is_interrupted(dateline: FakeDateline) -> None:
    """What a script does afterwards must not be done."""
    dateline.on("GET", "/status", status(progress=progress(50, 100)))
    dateline.patience = 10
    result = dateline.run("status", "--until-done")

    assert result.exit_code == 1
    assert "before all was done" in result.stderr


def test_on_a_terminal_the_same_lines_are_drawn_anew(dateline: FakeDateline) -> None:
    """With a bar while there is something to do, and a word when there is no answer."""
    foreign = httpx.Response(503, json={"detail": f"Away {HOSTILE}"})
    dateline.on("GET", "/status", status(progress=progress(50, 100)), foreign, quiet(progress=progress(100, 100)))
    dateline.on_a_terminal = True
    result = dateline.run("status", "--until-done", environment=TERMINAL)

    assert (0, "") == (result.exit_code, result.stderr)
    assert "\x1b[1A\x1b[2K" in result.stdout  # up a line, and clear it
    assert "50 of 100 (50 %), 50 a second, 1 s left" in result.stdout
    assert r"Away \x1b[2J[bold red]\u202e\nrm Trying again" in result.stdout
    assert "100 of 100 (100 %), done" == result.stdout.splitlines()[-2].strip()


def test_json_on_a_terminal_is_lines_as_well(dateline: FakeDateline) -> None:
    dateline.on("GET", "/status", status(), quiet())
    dateline.on_a_terminal = True
    result = dateline.run("status", "--until-done", "--json", environment=TERMINAL)

    assert [status(), quiet()] == [json.loads(line) for line in result.stdout.splitlines()]


def test_colours_that_are_forced_make_no_terminal_of_a_log(dateline: FakeDateline) -> None:
    """As many a build server forces them."""
    dateline.on("GET", "/status", status(), quiet())
    result = dateline.run("status", "--until-done", environment=TERMINAL)

    assert 2 == len(result.stdout.splitlines())
    assert "\x1b" not in result.stdout
