"""The indexer's parts on a temporary folder, with a search index that only remembers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.group_commit import GroupCommit
from services.indexer.adapters.index_rebuild import IndexRebuild
from services.indexer.api.dependencies import Dependencies
from services.indexer.handlers import Indexer
from shared.blobs import FilesystemBlobStore
from tests.unit.indexer.desk import LATER, FakeSearchIndex, Outside


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDocumentStore]:
    with closing(SqliteDocumentStore(tmp_path)) as store:
        yield store


@pytest.fixture
def index() -> FakeSearchIndex:
    return FakeSearchIndex()


@pytest.fixture
async def commits(store: SqliteDocumentStore, index: FakeSearchIndex) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(store, index, linger_seconds=0.005, batch=100)
    commits.start()
    yield commits
    await commits.stop()


@pytest.fixture
def blobs(tmp_path: Path) -> FilesystemBlobStore:
    return FilesystemBlobStore(tmp_path / "blobs")


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def rebuild(store: SqliteDocumentStore, commits: GroupCommit, outside: Outside) -> IndexRebuild:
    return IndexRebuild(store, commits, outside.counts)


@pytest.fixture
def needs(
    store: SqliteDocumentStore,
    index: FakeSearchIndex,
    blobs: FilesystemBlobStore,
    rebuild: IndexRebuild,
    outside: Outside,
) -> Dependencies:
    return Dependencies(store, index, blobs, rebuild, outside.counts, outside.ignored, outside.replay)


@pytest.fixture
def indexer(commits: GroupCommit, blobs: FilesystemBlobStore) -> Indexer:
    return Indexer(commits, blobs, now=lambda: LATER)
