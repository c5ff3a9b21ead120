"""Every accepted document is in exactly one state."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.contracts import LedgerCounts, StageBacklog

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def counts(accepted: int) -> LedgerCounts:
    return LedgerCounts(
        accepted=accepted,
        indexed=5,
        duplicate=1,
        rejected=2,
        removed=3,
        in_flight=StageBacklog(fetcher=1, parser=2, indexer=3),
        counted=NOW,
    )


def test_counts_that_add_up_are_counts() -> None:
    assert counts(17).in_flight.total == 6


@pytest.mark.parametrize("accepted", [16, 18])
def test_counts_that_do_not_add_up_cannot_be_made(accepted: int) -> None:
    with pytest.raises(ValidationError, match=f"{accepted} accepted, but the states add up to 17"):
        counts(accepted)
