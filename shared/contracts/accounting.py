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

    @model_validator(mode="after")
    def _adds_up(self) -> "LedgerCounts":
        states = self.indexed + self.duplicate + self.rejected + self.removed + self.in_flight.total
        if states != self.accepted:
            msg = f"{self.accepted} accepted, but the states add up to {states}"
            raise ValueError(msg)
        return self
