"""The compose file, started once for all tests here: its own project, inbox and port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose import ComposedDateline
from tests.servers import require_engine


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposedDateline]:
    """Dateline in containers, healthy."""
    require_engine()
    inbox: Path = tmp_path_factory.mktemp("inbox")
    inbox.chmod(0o755)  # the fetcher reads it as another user
    with ComposedDateline(inbox, tmp_path_factory.mktemp("compose") / "settings") as dateline:
        yield dateline
