"""A few minutes of chaos in every run of the tests: a seed that is always the same, and one that never is."""

import secrets
from pathlib import Path

import pytest

from tests.chaos.run import run, say
from tests.chaos.schedule import Plan, draw, kinds_of


@pytest.mark.parametrize("seed", [20_261_123, secrets.randbelow(2**31)], ids=["fixed seed", "fresh seed"])
def test_nothing_is_lost_or_doubled_whatever_breaks(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(documents=600, kills=20, restarts=4, freezes=1, slow_disks=1, disposals=3, clock_steps=2, seed=seed)
    with capsys.disabled():
        say(f"\n{plan}")  # what it takes to play it again
    assert run(plan, tmp_path).differences == []


def test_a_seed_draws_the_same_faults_again() -> None:
    plan = Plan(kills=1_000, disposals=7, seed=7)
    assert draw(plan) == draw(plan)
    assert kinds_of(draw(plan))["kill server"] == 120
    assert kinds_of(draw(plan))["restore server"] == kinds_of(draw(plan))["copy server"] == 2
