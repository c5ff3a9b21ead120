"""How many documents are in which state."""

from pydantic import AwareDatetime, Field, model_validator

from shared.contracts.events import Value


class StageBacklog(Value):
    """Documents in flight, by the stage that has to act next."""

    fetcher: int = Field(ge=0)
    parser: int = Field(ge=0)
    indexer: int = Field(ge=0)

    @property
    def total(self) -> int:
        """All documents in flight."""
        return self.fetcher + self.parser + self.indexer


class Progress(Value):
    """How far the documents are that came together: from the moment there was something to do until nothing is left.

    Raises:
        ValidationError: more is done than there is.
    """

    total: int = Field(ge=0, description="Documents and files since `started`.")
    done: int = Field(ge=0, description="Those of them that are in a final state: `total` when nothing is left.")
    started: AwareDatetime
    per_second: float = Field(ge=0, description="Documents done in a second, lately.")
    seconds_left: float | None = Field(default=None, ge=0, description="At this rate; None while it is not known.")

    @model_validator(mode="after")
    def _no_more_than_all(self) -> "Progress":
        if self.done > self.total:
            msg = f"{self.done} of {self.total} done"
            raise ValueError(msg)
        return self


class LedgerCounts(Value):
    """One look at the ledger: every accepted document is in exactly one state.

    Raises:
        ValidationError: the states do not add up to `accepted`; such a count must never be published.
    """

    accepted: int = Field(ge=0, description="Documents ever accepted.")
    indexed: int = Field(ge=0)
    duplicate: int = Field(ge=0)
    rejected: int = Field(ge=0)
    removed: int = Field(ge=0)
    in_flight: StageBacklog
    counted: AwareDatetime
    index_id: str | None = Field(default=None, description="The index that all of it was fed to, or is being.")
    found: int = Field(default=0, ge=0, description="Files that were seen and not read yet: no documents so far.")
    pages: int = Field(default=0, ge=0, description="Web pages that were asked for and not fetched yet.")
    ignored: int = Field(default=0, ge=0, description="Files and folders in the inboxes that the rules leave out.")
    progress: Progress | None = Field(default=None, description="Of what came together; None when all was quiet.")

    @model_validator(mode="after")
    def _adds_up(self) -> "LedgerCounts":
        states = self.indexed + self.duplicate + self.rejected + self.removed + self.in_flight.total
        if states != self.accepted:
            msg = f"{self.accepted} accepted, but the states add up to {states}"
            raise ValueError(msg)
        return self


class IgnoredFile(Value):
    """A file or folder that a rule leaves out; a folder's path ends with a slash, for all that is beneath it."""

    inbox: str
    path: str
    rule: str = Field(description="The pattern that matches, as it is written.")
    seen: AwareDatetime


#: As many as a person would look through.
MOST_IGNORED = 1_000


class IgnoredFiles(Value):
    """What the rules leave out: how many, and those seen last first."""

    total: int = Field(ge=0)
    files: tuple[IgnoredFile, ...] = Field(max_length=MOST_IGNORED)
