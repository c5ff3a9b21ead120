"""Which fault happens when: drawn from a seed, so that a run can be played again."""

import random
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill", "terminate", "kill child", "kill server", "pause server", "flush server"]

#: How often each kind is drawn, in proportion, and what it can hit.
WEIGHTS: dict[tuple[Kind, str], int] = {
    ("kill", "fetcher"): 4,
    ("kill", "parser-1"): 4,
    ("kill", "parser-2"): 4,
    ("kill", "indexer"): 4,
    ("terminate", "fetcher"): 1,
    ("terminate", "parser-1"): 1,
    ("terminate", "indexer"): 1,
    ("kill child", "parser-1"): 2,
    ("kill server", "server"): 2,
    ("pause server", "server"): 1,
}
#: Seconds between two faults: less than a service needs to start, and longer than that, both occur.
SHORTEST, LONGEST = 0.2, 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`after` seconds from the fault before, this happens to the target."""

    after: float
    kind: Kind
    target: str

    def __str__(self) -> str:
        return f"+{self.after:.2f}s {self.kind} {self.target}"


def draw(seed: int, faults: int, flushes: int) -> list[Fault]:
    """Return so many faults, and among them so many times a wiped server."""
    chance = random.Random(seed)
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=faults)
    for i in sorted(chance.sample(range(faults), flushes)):
        kinds[i] = ("flush server", "server")
    return [Fault(round(chance.uniform(SHORTEST, LONGEST), 2), kind, target) for kind, target in kinds]
