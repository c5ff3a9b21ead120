from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from services.fetcher.adapters.ledger_file import LedgerFile
from tests.unit.fetcher.counter import Counter


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    """Return an HTTP side with a ledger of its own."""
    with closing(LedgerFile(tmp_path / "ledger")) as file:
        counter = Counter(tmp_path, file)
        async with counter.http:
            yield counter
