"""`dateline quarantine`: what it asks, what it says, and its exit codes."""

import json
from typing import Any

import httpx
import pytest

from cli.replay_run import PATIENCE_SECONDS
from tests.unit.cli.desk import HOSTILE, FakeDateline, in_full, reasons, rejection, step

ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32
AWAY = httpx.Response(503, json={"detail": "Redis is away. Nothing was put back; try again."})


@pytest.fixture
def dateline() -> FakeDateline:
    return FakeDateline()


def test_reasons_are_listed_with_their_numbers(dateline: FakeDateline) -> None:
    """One line a reason."""
    dateline.on("GET", "/quarantine/reasons", reasons(("The file is empty", 1_234), ("It failed at N", 1)))
    result = dateline.run("quarantine", "list")

    assert result.exit_code == 0
    assert [["1,234", "1,234", "parser"], ["1", "1", "parser"]] == [
        line.split()[:3] for line in result.stdout.splitlines()[1:]
    ]
    assert "The file is empty" in result.stdout


def test_documents_are_listed_a_page_at_a_time(dateline: FakeDateline) -> None:
    """The last line says how to go on."""
    page = {"total": 30, "quarantined": [rejection(), rejection(source=None, replayable=False, deliveries=3)]}
    dateline.on("GET", "/quarantine", page)
    result = dateline.run("quarantine", "list", "--all", "--stage", "parser", "--limit", "2", "--offset", "10")

    assert [{"stage": "parser", "limit": "2", "offset": "10"}] == dateline.queries("/quarantine")
    assert "ferry.txt" in result.stdout
    assert "a message nobody could read" in result.stdout
    assert "tried 3 times  not replayable" in result.stdout
    assert "12 of 30; the next: --offset 12" in result.stdout


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--stage", "fetcher"), 1), (("--all",), 0)])
def test_an_empty_quarantine_is_good_news_unless_something_was_looked_for(
    dateline: FakeDateline, arguments: tuple[str, ...], code: int
) -> None:
    dateline.on("GET", "/quarantine/reasons", reasons())
    dateline.on("GET", "/quarantine", {"total": 0, "quarantined": []})
    result = dateline.run("quarantine", "list", *arguments)

    assert code == result.exit_code
    assert "Nothing is in quarantine." in result.stdout


def test_a_rejection_is_shown_with_what_to_do(dateline: FakeDateline) -> None:
    dateline.on("GET", f"/quarantine/{ONE}", in_full(error="Traceback\n  at 1", original="/quarantine/x/original"))
    result = dateline.run("quarantine", "show", ONE, "--url", "http://there:9/")

    for words in ("what to do  Replace it.", "Traceback\n  at 1", "http://there:9/quarantine/x/original", "ferry.txt"):
        assert words in result.stdout


def test_all_places_of_what_was_rejected_are_told(dateline: FakeDateline) -> None:
    """As many as fit on a screen, and how many more there are."""
    places = [{"inbox": "wire", "path": f"copy {n}.txt"} for n in range(31)]
    dateline.on("GET", "/quarantine", {"total": 1, "quarantined": [rejection(locations_total=2)]})
    dateline.on("GET", f"/quarantine/{ONE}", in_full(locations=places, locations_total=1_031))
    listed, shown = dateline.run("quarantine", "list", "--all"), dateline.run("quarantine", "show", ONE)

    assert "ferry.txt  also at 1 other place\n" in listed.stdout
    assert "The same bytes lie also at 1,030 other places:" in shown.stdout
    assert [f"    copy {n}.txt  in the inbox wire" for n in range(1, 21)] == shown.stdout.splitlines()[-21:-1]
    assert shown.stdout.splitlines()[-1] == "    … and 1,010 more; --json lists up to 1,000."


@pytest.mark.parametrize("command", [("list",), ("list", "--all"), ("show", ONE)])
def test_nothing_a_stranger_wrote_reaches_the_terminal_as_it_is(
    dateline: FakeDateline, command: tuple[str, ...]
) -> None:
    """It is shown as its codes, and Rich's markup as its letters."""
    facts: dict[str, Any] = {"source": {"path": HOSTILE}, "reason": HOSTILE, "stage": HOSTILE}
    places = {"locations": [{"inbox": HOSTILE, "path": HOSTILE}] * 2, "locations_total": 2}
    dateline.on("GET", "/quarantine/reasons", reasons((HOSTILE, 1)))
    dateline.on("GET", "/quarantine", {"total": 1, "quarantined": [rejection(**facts)]})
    dateline.on("GET", f"/quarantine/{ONE}", in_full(**facts, error=HOSTILE, remedy=HOSTILE, **places))
    result = dateline.run("quarantine", *command)

    assert r"\x1b[2J[bold red]\u202e" in result.stdout
    assert all(character.isprintable() or character == "\n" for character in result.stdout)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("list",), "/quarantine/reasons"),
        (("list", "--all"), "/quarantine"),
        (("show", ONE), f"/quarantine/{ONE}"),
    ],
)
def test_json_is_what_the_api_answered(dateline: FakeDateline, command: tuple[str, ...], path: str) -> None:
    """And harmless as well."""
    answers = {
        "/quarantine/reasons": reasons((HOSTILE, 1), something_new=1),
        "/quarantine": {"total": 1, "quarantined": [rejection(reason=HOSTILE)]},
        f"/quarantine/{ONE}": in_full(error=HOSTILE),
    }
    dateline.on("GET", path, answers[path])
    result = dateline.run("quarantine", *command, "--json")

    assert answers[path] == json.loads(result.stdout)
    assert result.stdout.isascii()


def test_a_part_of_a_reason_will_do(dateline: FakeDateline) -> None:
    """Where only one has it."""
    dateline.on("GET", "/quarantine/reasons", reasons(), reasons(("The file is empty", 2), ("It failed at N", 1)))
    dateline.on("POST", "/quarantine/replay", step(2, 0, None))
    result = dateline.run("quarantine", "replay", "--reason", "IS EMPTY")

    assert result.exit_code == 0
    assert "The file is empty" == dateline.queries("/quarantine/replay")[0]["reason"]


@pytest.mark.parametrize(("text", "code", "words"), [("at", 2, "fits 2 reasons"), ("dog", 1, "Nothing in quarantine")])
def test_a_reason_that_says_too_little_replays_nothing(
    dateline: FakeDateline, text: str, code: int, words: str
) -> None:
    dateline.on("GET", "/quarantine/reasons", reasons(), reasons(("It failed at N", 2), ("Late at night", 1)))
    result = dateline.run("quarantine", "replay", "--reason", text)

    assert code == result.exit_code
    assert words in result.stderr
    assert [] == dateline.queries("/quarantine/replay")


def test_a_run_goes_on_where_the_last_step_ended(dateline: FakeDateline) -> None:
    """Until nothing is left."""
    dateline.on("POST", "/quarantine/replay", step(200, 250, ONE), step(200, 50, TWO), step(50, 0, None))
    result = dateline.run("quarantine", "replay", "--all")

    assert result.exit_code == 0
    assert [{"all": "true", "after": after} for after in ("", ONE, TWO)] == dateline.queries("/quarantine/replay")
    assert "Put back: 450." in result.stdout


def test_a_run_waits_for_room_and_for_a_service_that_is_away(dateline: FakeDateline) -> None:
    """It asks for the same step again."""
    answers = (step(200, 9, ONE), AWAY, httpx.ReadTimeout("late"), step(0, 9, ONE), step(9, 0, None))
    dateline.on("POST", "/quarantine/replay", *answers)
    result = dateline.run("quarantine", "replay", "--stage", "parser", "--json")

    assert {"replayed": 209, "not_replayable": 0, "why": None, "failed": {}} == json.loads(result.stdout)
    assert ["", ONE, ONE, ONE, ONE] == [query["after"] for query in dateline.queries("/quarantine/replay")]


@pytest.mark.parametrize(
    ("last", "words"), [(AWAY, "Redis is away"), (step(0, 9, ONE), "are the parser and the indexer running?")]
)
def test_a_run_without_progress_gives_up_and_says_how_far_it_came(
    dateline: FakeDateline, last: Any, words: str
) -> None:
    start = dateline.clock()
    dateline.on("POST", "/quarantine/replay", step(200, 9, ONE), last)
    result = dateline.run("quarantine", "replay", "--all")

    assert result.exit_code == 3
    assert words in result.stderr
    assert "200 were put back before; the same command goes on" in result.stderr
    assert PATIENCE_SECONDS < dateline.clock() - start < 2 * PATIENCE_SECONDS


def test_a_run_that_cannot_begin_says_so_at_once(dateline: FakeDateline) -> None:
    """Nobody waits two minutes to learn that nothing runs."""
    dateline.on("POST", "/quarantine/replay", httpx.ConnectError("Connection refused"))
    result = dateline.run("quarantine", "replay", "--all")

    assert (3, 1) == (result.exit_code, len(dateline.asked))
    assert "`make up` starts it" in result.stderr


def test_what_cannot_be_replayed_is_counted_with_the_reason(dateline: FakeDateline) -> None:
    """The exit code tells a script that not all was done."""
    dateline.on("POST", "/quarantine/replay", step(5, 0, None, not_replayable=2))
    result = dateline.run("quarantine", "replay", "--all")

    assert result.exit_code == 1
    assert "Cannot be replayed: 2. Mend the files." in result.stdout


@pytest.mark.parametrize(("arguments", "code"), [(("--all",), 0), (("--stage", "indexer"), 1)])
def test_nothing_to_replay_is_said_so(dateline: FakeDateline, arguments: tuple[str, ...], code: int) -> None:
    dateline.on("POST", "/quarantine/replay", step(0, 0, None))
    result = dateline.run("quarantine", "replay", *arguments)

    assert code == result.exit_code
    assert "Nothing to replay is in quarantine." in result.stdout


def test_single_documents_are_replayed_one_by_one(dateline: FakeDateline) -> None:
    """One that cannot be does not keep the others from it; one named twice is replayed once."""
    dateline.on("POST", f"/quarantine/{ONE}/replay", {"document_id": ONE})
    dateline.on("POST", f"/quarantine/{TWO}/replay", httpx.Response(409, json={"detail": "Mend the file."}))
    dateline.on("POST", f"/quarantine/{THREE}/replay", {"document_id": THREE})
    result = dateline.run("quarantine", "replay", ONE, TWO, THREE, ONE)

    assert result.exit_code == 1
    assert "Put back: 2." in result.stdout
    assert f"{TWO}: Mend the file." in result.stdout
    assert len(dateline.asked) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", ONE, "--all"),
        ("replay", "--all", "--reason", "x"),
        ("replay", ONE, "--stage", "parser"),
        ("replay", "../../status"),
        ("show", "abc"),
        ("list", "--limit", "1000"),
        ("list", "--url", "ftp://there"),
        ("list", "--url", "there:8000"),
        ("list", "--url", "http://[::1"),
        ("frobnicate",),
    ],
)
def test_a_wrong_command_line_asks_nothing(dateline: FakeDateline, arguments: tuple[str, ...]) -> None:
    """It says what is wrong."""
    result = dateline.run("quarantine", *arguments)

    assert (2, []) == (result.exit_code, dateline.asked)
    assert result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (httpx.ConnectError("Connection refused"), 3, "does not answer at http://127.0.0.1:8000"),
        (httpx.ReadTimeout(""), 3, "ReadTimeout"),
        (AWAY, 3, "Redis is away"),
        (httpx.Response(200, text="<html>"), 3, "is not this version of Dateline"),
        (httpx.Response(200, json={"reasons": 3}), 3, "is not this version of Dateline"),
        (httpx.Response(422, json={"detail": [{"loc": ["query", "stage"], "msg": "unknown"}]}), 2, "stage: unknown"),
        (httpx.Response(404, json={"detail": "Not\x1b here"}), 1, r"Not\x1b here"),
        (httpx.Response(404, json={"detail": "Not Found"}), 1, "does not know /quarantine/reasons: update"),
        (httpx.Response(500, text="x"), 1, "its log says why"),
        (httpx.Response(302, headers={"Location": "http://elsewhere/"}), 1, "(302)"),
    ],
)
def test_every_failure_is_one_line_that_says_what_to_do(
    dateline: FakeDateline, answer: Any, code: int, words: str
) -> None:
    dateline.on("GET", "/quarantine/reasons", answer)
    result = dateline.run("quarantine", "list")

    assert (code, "") == (result.exit_code, result.stdout)
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "arguments", "address"),
    [
        ({}, (), "http://127.0.0.1:8000/"),
        ({"DATELINE_PORT": "9000"}, (), "http://127.0.0.1:9000/"),
        ({"DATELINE_PORT": "9000", "DATELINE_URL": "http://there"}, (), "http://there/"),
        ({"DATELINE_URL": "http://there"}, ("--url", "http://elsewhere"), "http://elsewhere/"),
    ],
)
def test_the_address_comes_from_the_option_or_the_environment(
    dateline: FakeDateline, environment: dict[str, str | None], arguments: tuple[str, ...], address: str
) -> None:
    dateline.on("GET", "/quarantine/reasons", reasons())
    dateline.run("quarantine", "list", *arguments, environment=environment)

    assert address == str(dateline.asked[0].url.join("/"))


def test_help_tells_the_exit_codes(dateline: FakeDateline) -> None:
    result = dateline.run("--help")

    assert result.exit_code == 0
    for words in ("Exit codes: 0 done", "quarantine", "rebuild-index"):
        assert words in result.stdout
