"""What the API answers about the state of things, as far as it is used here, and how it is told."""

from typing import Any

from cli.service import Answer
from cli.words import duration, rate


class InFlight(Answer):
    """Documents on their way, by the stage that has to act next."""

    total: int
    fetcher: int
    parser: int
    indexer: int

    @property
    def where(self) -> str:
        """The stages that have something to do."""
        stages = {"fetcher": self.fetcher, "parser": self.parser, "indexer": self.indexer}
        return ", ".join(f"{stage} {number:,}" for stage, number in stages.items() if number)


class Progress(Answer):
    """How far what came together is; `percent` is 100 when nothing is left, and only then."""

    total: int
    done: int
    left: int
    percent: float
    per_second: float
    seconds_left: float | None

    @property
    def text(self) -> str:
        """In words."""
        share = f"{self.done:,} of {self.total:,} ({self.percent:g} %)"
        if not self.left:
            return f"{share}, done"
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        return f"{share}, {rate(self.per_second)}{left}"


class Status(Answer):
    """Every accepted document is in one state; `found` and `pages` are no documents yet, `ignored` never will be."""

    accepted: int
    indexed: int
    duplicate: int
    rejected: int
    removed: int
    in_flight: InFlight
    found: int = 0
    pages: int = 0
    ignored: int = 0
    progress: Progress | None = None

    @property
    def left(self) -> int:
        """What is still to be done."""
        return self.progress.left if self.progress else self.in_flight.total + self.found + self.pages

    @property
    def rows(self) -> dict[str, tuple[int, str]]:
        """Each number under its name, with what else there is to say."""
        return {
            "accepted": (self.accepted, ""),
            "indexed": (self.indexed, ""),
            "duplicate": (self.duplicate, ""),
            "rejected": (self.rejected, "`dateline quarantine list` tells why" if self.rejected else ""),
            "removed": (self.removed, ""),
            "on the way": (self.in_flight.total, self.in_flight.where),
            "found": (self.found, "not read yet" if self.found else ""),
            "web pages": (self.pages, "still to be fetched" if self.pages else ""),
            "ignored": (self.ignored, "left out by the rules" if self.ignored else ""),
        }

    @property
    def line(self) -> str:
        """All of it in one line."""
        told = [f"{name} {number:,}" for name, (number, _) in self.rows.items()]
        if where := self.in_flight.where:
            told[5] += f" ({where})"
        return ", ".join([*told, *([f"progress {self.progress.text}"] if self.progress else [])])

    def as_json(self) -> dict[str, Any]:
        """As it was answered."""
        return self.model_dump(mode="json")
