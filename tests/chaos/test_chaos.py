"""A few minutes of chaos in every run of the tests: a seed that is always the same, and one that never is."""

import secrets
from pathlib import Path

import pytest

from tests.chaos.run import Plan, run, say
from tests.chaos.schedule import draw


@pytest.mark.parametrize("seed", [20_261_123, secrets.randbelow(2**31)], ids=["fixed seed", "fresh seed"])
def test_nothing_is_lost_or_doubled_whatever_breaks(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(server="valkey-server", documents=300, faults=10, flushes=1, seed=seed)
    with capsys.disabled():
        say(f"\n{plan}")  # what it takes to play it again
    assert run(plan, tmp_path).differences == []


def test_a_seed_draws_the_same_faults_again() -> None:
    assert draw(7, faults=50, flushes=5) == draw(7, faults=50, flushes=5)
    assert [f.kind for f in draw(7, faults=50, flushes=5)].count("flush server") == 5
