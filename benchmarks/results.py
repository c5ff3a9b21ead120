"""Figures, with what they must be at least or at most, and where they are published."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

#: Each figure's goal, as the project has promised it: ["<=", number] or [">=", number].
GOALS = Path(__file__).parent / "goals.json"
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        goal = json.loads(GOALS.read_text()).get(self.name)
        if goal is None:
            return f"{self.name}: {self.value:.3g} {self.unit}"
        sign, bound = goal
        reached = self.value <= bound if sign == "<=" else self.value >= bound
        return f"{self.name}: {self.value:.3g} {self.unit} ({'reached' if reached else 'missed'}: {sign} {bound:g})"


def publish(name: str, figures: list[Figure]) -> None:
    """Write the figures with date, commit and machine; those of an earlier run that were not taken again stay."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    about = {"date": datetime.now(UTC).date().isoformat(), "commit": _commit(), "machine": _machine()}
    known |= {f.name: {"value": round(f.value, 3), "unit": f.unit, **about} for f in figures}
    file.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n")


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"
