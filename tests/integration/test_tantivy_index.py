"""The search engine itself: what is found, and what it survives."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.adapters.index_recovery import open_index
from services.indexer.adapters.tantivy_index import TantivyIndex
from services.indexer.domain.query_parser import parse_query
from services.indexer.domain.search_index import PageRequest
from shared.errors import SetupError
from tests.unit.indexer.desk import an_id, article, record

EVERYTHING = PageRequest(limit=100)


def put(index: TantivyIndex, *texts: tuple[str, str]) -> None:
    index.write([record(name, parsed=article(body=text, title=name)) for name, text in texts], [])


def found(index: TantivyIndex, query: str, page: PageRequest = EVERYTHING) -> list[str]:
    names = {an_id(name): name for name in ("a", "b", "c", "d", "e", "f", *map(str, range(100)))}
    return [names[hit.document_id] for hit in index.search(parse_query(query), page).hits]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TantivyIndex]:
    with closing(TantivyIndex(tmp_path / "tantivy")) as index:
        yield index


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteDocumentStore]:
    with closing(SqliteDocumentStore(tmp_path)) as store:
        yield store


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("flood", {"a", "b"}),
        ("FLOOD warning", {"a"}),
        ("flood OR strike", {"a", "b", "c"}),
        ("flood -warning", {"b"}),
        ("-flood", {"c", "d", "e"}),
        ('"dock workers"', {"c"}),
        ('"workers dock"', set()),
        ("evacu*", {"b", "e"}),
        ("permbytje", {"d"}),
        ("Përmbytje", {"d"}),
        ("(flood OR strike) (warning OR dock)", {"a", "c"}),
        ("dock-workers", {"c"}),
        ("大雨", {"e"}),
        ("雨大", set()),
        ("a OR c", {"a", "c"}),
        ("nothing-of-the-kind", set()),
        ("", set()),
    ],
)
def test_a_query_finds_what_it_asks_for(index: TantivyIndex, query: str, expected: set[str]) -> None:
    """In titles and bodies, whatever the case and the accents."""
    put(
        index,
        ("a", "Flood warning for the lower valley"),
        ("b", "After the flood: evacuation goes on"),
        ("c", "Dock workers end their strike"),
        ("d", "Përmbytje në veri"),
        ("e", "豪雨と大雨 evacuees"),
    )

    assert expected == set(found(index, query))


def test_a_match_in_the_title_comes_first(index: TantivyIndex) -> None:
    """A title says what its text is about."""
    put(index, ("a", "b is named here, and b again"), ("b", "nothing but its title"))

    assert ["b", "a"] == found(index, "b")


def test_newest_comes_first_when_asked_for(index: TantivyIndex) -> None:
    """By the date of publication, whatever the year; without one, by when it came (2026)."""
    years = {"a": 1066, "b": 9999, "c": 2025}
    dated = [record(n, parsed=article(published=datetime(y, 1, 1, tzinfo=UTC))) for n, y in years.items()]
    index.write([*dated, record("d")], [])

    assert ["b", "d", "c", "a"] == found(index, "river", PageRequest(limit=10, sort="newest"))
    assert ["d", "c"] == found(index, "river", PageRequest(limit=2, offset=1, sort="newest"))


def test_a_language_narrows_the_search(index: TantivyIndex) -> None:
    """Without changing the order."""
    index.write([record("a", parsed=article(language="sq")), record("b", parsed=article(language=None))], [])

    assert ["a"] == found(index, "river", PageRequest(language="sq"))


def test_a_document_written_again_replaces_itself(index: TantivyIndex) -> None:
    """Also within one commit: the last wins."""
    put(index, ("a", "old words"))
    put(index, ("a", "middle words"), ("a", "new words"))

    assert (["a"], [], []) == (found(index, "new"), found(index, "middle"), found(index, "old"))
    assert index.count() == 1


def test_numbers_are_bounded(index: TantivyIndex) -> None:
    """The engine aborts the process where it is asked for 2**40 hits, and panics where for none."""
    put(index, ("a", "flood"))

    assert ["a"] == found(index, "flood", PageRequest(limit=2**40))
    assert ["a"] == found(index, "flood", PageRequest(limit=0))
    assert [] == found(index, "flood", PageRequest(offset=2**40))


HOSTILE = [
    "(" * 10_000, "NOT " * 10_000, '"' * 10_000, "-(" * 5_000, "a " * 5_000, "body:*", "x:*", "/.*a.*/", "[a TO z]",
    "wor*~2^9", "\x00", "\ud800", "'; DROP TABLE documents; --", ".*", "((a* OR b*) -c) " * 60, "🔥" * 900, "大" * 900,
    "a.*b", "\\", "\u202egnp.exe", "{}[]()^~*?:\\/\"'!|&+-",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_harms_the_engine(index: TantivyIndex, query: str) -> None:
    """One request must never take the service down."""
    put(index, ("a", "flood"))

    found(index, query)
    found(index, query, PageRequest(sort="newest"))


def test_texts_from_hell_are_indexed(index: TantivyIndex) -> None:
    """One document must never take its batch down."""
    put(index, ("a", "x" * 100_000), ("b", "\x00\u202e🔥 flood"), ("c", "flood " * 50_000), ("d", ""))

    assert {"b", "c"} == set(found(index, "flood"))
    assert ["a"] == found(index, "x" * 100)
    assert index.count() == 4


def test_a_second_process_on_the_index_is_refused(tmp_path: Path) -> None:
    """Two writers would destroy each other's files."""
    with closing(TantivyIndex(tmp_path)) as index:
        put(index, ("a", "flood"))
        with pytest.raises(SetupError, match="in use by another process"):
            TantivyIndex(tmp_path)


def test_an_index_goes_on_after_a_kill_between_files_and_commit(tmp_path: Path) -> None:
    """A killed process leaves files of a commit that never was; the next commit must not stumble over their names."""
    folder, before = tmp_path / "tantivy", tmp_path / "before"
    with closing(TantivyIndex(folder)) as index:
        put(index, *((str(n), "flood") for n in range(10)))
    shutil.copytree(folder, before)
    with closing(TantivyIndex(folder)) as index:
        put(index, ("3", "storm"), ("4", "storm"))
    shutil.copy(before / "meta.json", folder / "meta.json")  # as if killed before the last step of the commit

    for _ in range(3):
        with closing(TantivyIndex(folder)) as index:
            put(index, ("3", "storm"), ("4", "storm"))
            assert {"3", "4"} == set(found(index, "storm"))
            assert index.count() == 10


def test_a_writer_that_was_dropped_is_opened_again(index: TantivyIndex) -> None:
    """After a failed commit the next one starts afresh, without what was not committed."""
    put(index, ("a", "flood"))
    index.close()
    put(index, ("b", "flood"))

    assert {"a", "b"} == set(found(index, "flood"))


def fill(folder: Path, store: SqliteDocumentStore) -> None:
    records = [record(str(n), n, parsed=article(body=f"flood number{n}")) for n in range(20)]
    store.put_many([*records, record("a", 99, state="removed", parsed=None)])
    with closing(open_index(folder, store)) as index:
        store.confirm([r.document_id for r in records])
        assert index.count() == 20


@pytest.mark.parametrize("damage", ["gone", "garbage", "empty", "truncated", "other schema"])
def test_a_lost_index_is_made_anew_from_the_documents(tmp_path: Path, store: SqliteDocumentStore, damage: str) -> None:
    """The index is derived: whatever happens to it, the same documents are found afterwards."""
    folder = tmp_path / "tantivy"
    fill(folder, store)
    spoil(folder, damage)

    with closing(open_index(folder, store)) as index:
        assert {str(n) for n in range(20)} == set(found(index, "flood"))
        assert ["7"] == found(index, "number7")


def spoil(folder: Path, damage: str) -> None:
    match damage:
        case "gone":
            shutil.rmtree(folder)
        case "garbage":
            (folder / "meta.json").write_text("garbage")
        case "empty":
            (folder / "meta.json").unlink()
        case "truncated":
            for segment in (*folder.glob("*.store"), *folder.glob("*.term"), *folder.glob("*.idx")):
                segment.write_bytes(b"")
        case "other schema":
            meta = folder / "meta.json"
            meta.write_text(meta.read_text().replace("words1", "words0"))


def test_what_a_killed_process_stored_and_did_not_index_is_found_after_the_next_start(
    tmp_path: Path, store: SqliteDocumentStore
) -> None:
    """Also where the number of documents does not give it away."""
    folder = tmp_path / "tantivy"
    fill(folder, store)
    store.put_many([record("7", 100, parsed=article(body="storm"))])

    with closing(open_index(folder, store)) as index:
        assert ["7"] == found(index, "storm")
        assert index.count() == 20
