"""The runner behind `make up`: what it starts, it keeps running, and it leaves nothing behind."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.processes import Marked, free_port, marked
from tests.scenario import (
    Dateline,
    a_file_is_found_edited_moved_and_deleted,
    a_file_is_not_taken_before_its_writer_has_closed_it,
    a_rebuilt_index_finds_the_same,
    a_rejected_file_is_explained_and_replayed,
    a_restart_ingests_nothing_again,
    eventually,
)

#: Seconds a stop may take, from the first signal to the exit; services have 8 to drain.
STOP_SECONDS = 10.0


def stand_ins(folder: Path, *manners: str) -> list[str]:
    return ["runner", str(folder / "redis"), *(f"{free_port()},{manner}" for manner in manners)]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Marked]:
    """A runner with two well-behaved stand-ins, all ready."""
    arguments = stand_ins(tmp_path, "steady", "steady")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests run under nohup would hand on that it is ignored
    with marked("tests.stand_ins", arguments, {}, tmp_path / "log") as process:
        signal.signal(signal.SIGHUP, before)
        process.wait_for_output("ready")
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything_in_order(runner: Marked, number: signal.Signals) -> None:
    assert len(runner.family()) == 4
    runner.signal(number)
    assert runner.process.wait(STOP_SECONDS) == 0
    assert runner.family() == {}


def test_a_killed_runner_leaves_no_process(runner: Marked) -> None:
    runner.signal(signal.SIGKILL)
    eventually(lambda: runner.family() == {}, "every process has ended", STOP_SECONDS)


def test_a_killed_service_and_a_killed_redis_are_started_again(runner: Marked) -> None:
    for words in ("stand_ins service", "redis.sock"):
        before = runner.one_of(words)
        os.kill(before, signal.SIGKILL)
        eventually(partial(_all_run_without, before, runner), f"{words} runs again")
    assert runner.output.count("(killed by signal 9); starting it again in 0.2 s") == 2


def _all_run_without(pid: int, runner: Marked) -> bool:
    family = runner.family()
    return len(family) == 4 and pid not in family


def test_a_service_that_does_not_end_is_killed_in_time(tmp_path: Path) -> None:
    with marked("tests.stand_ins", stand_ins(tmp_path, "stubborn"), {}, tmp_path / "log") as runner:
        runner.wait_for_output("ready")
        runner.signal(signal.SIGINT)
        assert runner.process.wait(STOP_SECONDS + 1) == 0
        assert runner.family() == {}


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    with marked("tests.stand_ins", stand_ins(tmp_path, "stubborn"), {}, tmp_path / "log") as runner:
        runner.wait_for_output("ready")
        runner.signal(signal.SIGINT)
        runner.wait_for_output("stopping")
        start = time.monotonic()
        runner.signal(signal.SIGINT)
        assert runner.process.wait(STOP_SECONDS) == 0
        assert time.monotonic() - start < 4  # draining would take 8
        assert runner.family() == {}


def test_a_service_that_is_set_up_wrongly_ends_everything(tmp_path: Path) -> None:
    with marked("tests.stand_ins", stand_ins(tmp_path, "steady", "mis-set"), {}, tmp_path / "log") as runner:
        assert runner.process.wait(STOP_SECONDS) == 2
        assert runner.family() == {}
        assert runner.output == "dateline: mis-set cannot run as it is set up\n"


def test_a_service_whose_work_fails_is_told_from_one_that_was_stopped(tmp_path: Path) -> None:
    """It ends in order, and is started again."""
    with marked("tests.stand_ins", stand_ins(tmp_path, "failing"), {}, tmp_path / "log") as runner:
        runner.wait_for_output("failing ended (exit code 1); starting it again in 0.2 s")
        assert '"event": "task_failed"' in runner.output


def test_a_second_start_on_the_same_data_folder_is_refused_in_one_line(runner: Marked, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with marked("tests.stand_ins", stand_ins(tmp_path, "steady"), {}, tmp_path / "second" / "log") as second:
        assert second.process.wait(STOP_SECONDS) == 2
        assert second.output.startswith(f"dateline: {tmp_path / 'redis'} is in use")
        assert second.output.count("\n") == 1
    assert len(runner.family()) == 4


def settings(folder: Path) -> dict[str, str]:
    """Return the environment of a Dateline that meets no other one."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    return {
        "DATELINE_INBOX": str(inbox),
        "DATELINE_DATA": str(folder / "data"),
        "DATELINE_PORT": str(free_port()),
        "DATELINE_FETCHER_PORT": str(free_port()),
        "DATELINE_PARSER_PORT": str(free_port()),
        "DATELINE_PARSER_WORKERS": "2",
    }


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    environment = settings(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environment["DATELINE_PORT"])))
        other.listen()
        with marked("deploy.local", [], environment, tmp_path / "log") as dateline:
            assert dateline.process.wait(STOP_SECONDS) == 2
            assert dateline.output.startswith("dateline: cannot listen on 127.0.0.1 port ")
            assert dateline.output.endswith("set DATELINE_PORT or DATELINE_HOST\n")
            assert dateline.output.count("\n") == 1


def test_a_missing_inbox_is_told_in_one_line(tmp_path: Path) -> None:
    environment = settings(tmp_path) | {"DATELINE_INBOX": str(tmp_path / "missing")}
    with marked("deploy.local", [], environment, tmp_path / "log") as dateline:
        assert dateline.process.wait(STOP_SECONDS) == 2
        assert dateline.output == f"dateline: DATELINE_INBOX: there is no folder {tmp_path / 'missing'}\n"


def test_a_dropped_file_is_found_until_it_is_deleted_and_a_restart_ingests_nothing(tmp_path: Path) -> None:
    """The main job, as `make up` runs it, with the real services."""
    environment = settings(tmp_path)
    inbox, address = Path(environment["DATELINE_INBOX"]), f"http://127.0.0.1:{environment['DATELINE_PORT']}"
    dateline = Dateline(inbox, address)
    with ExitStack() as running:
        first = running.enter_context(marked("deploy.local", [], environment, tmp_path / "log"))
        first.wait_for_output("Ctrl-C stops it")
        assert str(inbox) in first.output
        assert f"curl '{address}/search?q=" in first.output
        a_file_is_found_edited_moved_and_deleted(dateline)
        a_file_is_not_taken_before_its_writer_has_closed_it(dateline)
        a_rejected_file_is_explained_and_replayed(dateline)
        a_rebuilt_index_finds_the_same(dateline)

        def restart() -> Dateline:
            first.signal(signal.SIGINT)
            assert first.process.wait(STOP_SECONDS) == 0
            assert first.family() == {}
            second = running.enter_context(marked("deploy.local", [], environment, tmp_path / "log2"))
            second.wait_for_output("Ctrl-C stops it")
            return dateline

        a_restart_ingests_nothing_again(dateline, restart)
