import subprocess
import sys

import pytest

from deploy import child_process
from deploy.supervision import STEADY_SECONDS, Supervised, restart_delay
from shared.errors import SetupError
from shared.testing.clock import FakeClock


class Launches:
    """Starts a process that ends at once with the given exit code."""

    def __init__(self, code: int) -> None:
        self.count = 0
        self._code = code

    def __call__(self) -> subprocess.Popen[bytes]:
        self.count += 1
        process = child_process.start([sys.executable, "-S", "-c", f"raise SystemExit({self._code})"])
        process.wait()
        return process


def test_delays_between_restarts_grow_from_a_fifth_of_a_second_to_five() -> None:
    assert [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0] == [restart_delay(n) for n in range(1, 8)]


def test_a_process_that_keeps_ending_for_a_month_still_gets_its_five_seconds() -> None:
    assert restart_delay(500_000) == 5.0


def test_a_process_that_ended_is_started_again_when_its_delay_is_over() -> None:
    clock, launches, said = FakeClock(), Launches(code=1), list[str]()
    supervised = Supervised("parser", launches, said.append, clock)
    supervised.start()
    supervised.look()
    assert ["parser ended (exit code 1); starting it again in 0.2 s"] == said
    supervised.look()
    assert launches.count == 1
    clock.advance(0.2)
    supervised.look()
    assert launches.count == 2


def test_a_process_that_ran_steadily_is_started_again_as_soon_as_the_first_time() -> None:
    clock, launches, said = FakeClock(), Launches(code=1), list[str]()
    supervised = Supervised("parser", launches, said.append, clock)
    supervised.start()
    for _ in range(4):
        supervised.look()
        clock.advance(5)
        supervised.look()
    clock.advance(STEADY_SECONDS)
    supervised.look()
    assert said[-1].endswith("in 0.2 s")


def test_a_set_up_error_at_the_first_start_is_not_tried_again() -> None:
    """Exit code 2 says that no restart will help."""
    supervised = Supervised("indexer", Launches(code=2), print)
    supervised.start()
    with pytest.raises(SetupError, match="indexer cannot run as it is set up"):
        supervised.look()


def test_a_set_up_error_after_a_steady_run_is_tried_again() -> None:
    """What ran before will run again, once the folder or port is back."""
    clock, launches, said = FakeClock(), Launches(code=2), list[str]()
    supervised = Supervised("indexer", launches, said.append, clock)
    supervised.start()
    clock.advance(STEADY_SECONDS)
    supervised.look()
    assert said == ["indexer ended (exit code 2); starting it again in 0.2 s"]
