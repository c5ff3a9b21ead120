"""Which fault happens when: drawn from a seed, so that a run can be played again."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "kill", "kill child", "kill server", "terminate", "freeze", "slow disk", "step clock",
    "flush server", "wipe server", "copy server", "restore server", "lose index", "poison",
]  # fmt: skip
#: What is killed with SIGKILL, per hundred kills. A kill of the server stops everybody for a moment.
KILLS: dict[tuple[Kind, str], int] = {
    ("kill", "fetcher"): 19,
    ("kill", "parser-1"): 19,
    ("kill", "parser-2"): 19,
    ("kill", "indexer"): 19,
    ("kill child", "parser-1"): 6,
    ("kill child", "parser-2"): 6,
    ("kill server", "server"): 12,
}
#: What is stopped with SIGTERM and started again, in turn.
RESTARTED = ("fetcher", "parser-1", "parser-2", "indexer")
#: What is frozen for a while (SIGSTOP), and whose disk is slow for a while, in turn.
FROZEN = ("parser-1", "server", "fetcher")
SLOWED = ("server", "indexer", "fetcher")
#: How the server's data are lost, in turn.
DISPOSALS: tuple[Kind, ...] = ("flush server", "wipe server", "restore server")
#: Whose clock steps, and by how many seconds, in turn.
STEPPED = ("server", "parser-1", "fetcher", "indexer")
STEPS = (3_600, -3_600, 86_400, -86_400)
#: Seconds between two faults: less than a service needs to start, and longer than that, both occur.
SHORTEST, LONGEST = 0.1, 2.2
#: Seconds a thaw waits: once shorter and once longer than a lease.
FREEZES = (2.0, 13.0)
#: Faults between a copy of the server's data and its return, at least and at most.
COPY_AGE = (2, 8)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: the kind of server, the documents, how many faults of each family, and the seed.

    Of `lost_one_in` replies of the server one is lost; 0: none. Two faults are `apart` seconds apart at least: none
    for the most that can go wrong at a time, more to see how soon one of them is made up for.
    """

    server: str = "valkey-server"
    documents: int = 2_000
    kills: int = 40
    restarts: int = 8
    freezes: int = 2
    slow_disks: int = 2
    disposals: int = 3
    index_losses: int = 0
    clock_steps: int = 4
    poison: int = 5
    lost_one_in: int = 200
    apart: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """`after` seconds from the fault before, this happens to the target; `amount` in seconds, where there is one."""

    after: float
    kind: Kind
    target: str
    amount: float = 0.0

    def __str__(self) -> str:
        return f"+{self.after:.2f}s {self.kind} {self.target}" + (f" {self.amount:+g} s" if self.amount else "")


def draw(plan: Plan) -> list[Fault]:
    """Return the plan's faults in an order and at times drawn from its seed."""
    chance = random.Random(plan.seed)
    faults = [
        *_kills(plan.kills),
        *(Fault(0, "terminate", RESTARTED[i % 4]) for i in range(plan.restarts)),
        *(Fault(0, "freeze", FROZEN[i % 3], FREEZES[i // 3 % 2]) for i in range(plan.freezes)),
        *(Fault(0, "slow disk", SLOWED[i % 3], 3.0) for i in range(plan.slow_disks)),
        *(Fault(0, DISPOSALS[i % 3], "server") for i in range(plan.disposals)),
        *(Fault(0, "lose index", "indexer") for _ in range(plan.index_losses)),
        *(Fault(0, "step clock", STEPPED[i % 4], STEPS[i // 4 % 4]) for i in range(plan.clock_steps)),
        *(Fault(0, "poison", "server") for _ in range(plan.poison)),
    ]
    chance.shuffle(faults)
    faults = _with_copies(faults, chance)
    return [Fault(round(plan.apart + chance.uniform(SHORTEST, LONGEST), 2), f.kind, f.target, f.amount) for f in faults]


def kinds_of(schedule: list[Fault]) -> Counter[str]:
    """Count the faults by kind."""
    return Counter(fault.kind for fault in schedule)


def _kills(number: int) -> list[Fault]:
    """Return so many, in the proportion of `KILLS`, whatever the seed."""
    targets = [target for target, share in KILLS.items() for _ in range(share)]
    spread = [targets[i * len(targets) // max(1, number) % len(targets)] for i in range(min(number, 100))]
    whole = targets * (number // 100) + spread[: number % 100] if number >= 100 else spread
    return [Fault(0, kind, target) for kind, target in whole]


def _with_copies(faults: list[Fault], chance: random.Random) -> list[Fault]:
    """Before each return of an old copy, let the copy be taken a few faults earlier."""
    copies = [max(0, i - chance.randint(*COPY_AGE)) for i, fault in enumerate(faults) if fault.kind == "restore server"]
    for i in sorted(copies, reverse=True):
        faults.insert(i, Fault(0, "copy server", "server"))
    return faults
