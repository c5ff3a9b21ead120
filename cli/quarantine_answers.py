"""What the API answers about the quarantine, as far as it is used here."""

from cli.service import Answer


class Source(Answer):
    """Where a file lies beneath the inbox."""

    path: str


class Location(Answer):
    """One place where the bytes of a document lie."""

    inbox: str
    path: str


class Times(Answer):
    """When each stage was done with a document."""

    accepted: str | None = None
    fetched: str | None = None
    parsed: str | None = None
    indexed: str | None = None


class Quarantined(Answer):
    """A rejected document."""

    document_id: str
    source: Source | None
    stage: str
    reason: str
    deliveries: int
    rejected: str
    replayable: bool
    locations_total: int

    @property
    def path(self) -> str:
        """The file; a message nobody could read tells of none."""
        return self.source.path if self.source else "a message nobody could read"

    @property
    def also_at(self) -> str:
        """How many other places have the same bytes, in words; nothing where there are none."""
        others = self.locations_total - 1
        return "" if others < 1 else "also at 1 other place" if others == 1 else f"also at {others:,} other places"

    @property
    def tries(self) -> str:
        """How often it was tried, in words."""
        return "tried once" if self.deliveries == 1 else f"tried {self.deliveries} times"


class QuarantinedInFull(Quarantined):
    """All there is to know of it."""

    remedy: str
    error: str | None
    times: Times | None
    original: str | None
    locations: tuple[Location, ...]


class QuarantineList(Answer):
    """A page of them."""

    total: int
    quarantined: list[Quarantined]


class Reason(Answer):
    """Those rejected for reasons of one class."""

    reason: str
    count: int
    replayable: int
    stages: tuple[str, ...]
    newest: str


class ReasonList(Answer):
    """The largest classes; `total` counts all, `documents` what is in them."""

    total: int
    documents: int
    reasons: list[Reason]


class Replayed(Answer):
    """One document is on its way again."""

    document_id: str


class ReplayAnswer(Answer):
    """What one request of a run did."""

    replayed: int
    left: int
    next: str | None
    not_replayable: int
    why: str | None
