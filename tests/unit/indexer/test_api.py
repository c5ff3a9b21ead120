"""The HTTP API: what it answers, and how it says that a request is wrong."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from shared.errors import TransientError
from tests.unit.indexer.desk import MOMENT, FakeSearchIndex, Outside, an_id, article, content_of, record, rejected

UNKNOWN = an_id("nobody")
MARKUP = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick=")


@pytest.fixture
async def api(
    store: SqliteDocumentStore, index: FakeSearchIndex, outside: Outside, needs: Dependencies
) -> AsyncIterator[httpx.AsyncClient]:
    indexed = record("a", 1)
    cannot_be_read = record("b", 2, state="rejected", parsed=None, rejection=rejected("b", 2, rejected=MOMENT))
    failed = rejected("c", 3, stream="documents.fetched", message="AAAA", error="Traceback …")
    store.put_many([indexed, cannot_be_read, record("c", 3, state="rejected", parsed=None, rejection=failed)])
    index.write([indexed], [])
    app = create_api(needs)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


async def get(api: httpx.AsyncClient, path: str, status: int = 200) -> Any:
    response = await api.get(path)
    assert status == response.status_code, response.text
    return response.json()


async def test_search_tells_what_was_found_and_why(api: httpx.AsyncClient) -> None:
    """A hit carries what a result list shows, and nothing that has to be trusted as markup."""
    answer = await get(api, "/search?q=ceasefire")

    (hit,) = answer["hits"]
    (start, end) = hit["snippet"]["highlights"][0]
    assert (answer["query"], answer["total"], answer["warnings"]) == ("ceasefire", 1, [])
    assert (an_id("a"), "High water in the valley", "en") == (hit["document_id"], hit["title"], hit["language"])
    assert hit["snippet"]["text"][start:end] == "ceasefire"
    assert hit["source"] == {"inbox": "inbox", "path": "a.txt", "tags": [], "url": None}


async def test_search_warns_of_what_it_did_not_read(api: httpx.AsyncClient) -> None:
    """Any string is answered."""
    answer = await get(api, "/search?q=%28%22%00%EF%BF%BF%F0")

    assert answer["total"] == 0
    assert answer["warnings"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/search", "q"),
        ("/search?q=a&lmit=3", "lmit"),
        ("/search?q=a&limit=0", "limit"),
        ("/search?q=a&limit=1099511627776", "limit"),
        ("/search?q=a&offset=10001", "offset"),
        ("/search?q=a&sort=best", "sort"),
        ("/search?q=a&language=English", "language"),
        ("/documents?state=lost", "state"),
        ("/documents/ABC", "document_id"),
        ("/quarantine?page=2", "page"),
    ],
)
async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient, path: str, name: str) -> None:
    """Nothing wrong is passed over in silence."""
    answer = await get(api, path, 422)

    assert name in [fault["loc"][-1] for fault in answer["detail"]]


async def test_a_document_tells_everything_about_itself(api: httpx.AsyncClient) -> None:
    """Text, facts, and what was cut away."""
    answer = await get(api, f"/documents/{an_id('a')}")

    assert (article().title, article().body) == (answer["title"], answer["body"])
    assert content_of("a").sha256 == answer["content_hash"]
    assert {"original": 1_234, "body": len(article().body)} == answer["sizes"]
    assert answer["times"]["accepted"] == "2026-03-14T09:26:00Z"
    assert [{"text": "Share this", "kind": "navigation", "reason": "few words", "score": -2.5}] == answer["cut"]


async def test_a_rejected_document_tells_why(api: httpx.AsyncClient) -> None:
    """By its id, like any other."""
    answer = await get(api, f"/documents/{an_id('c')}")

    assert ("rejected", "The file is empty.", "Traceback …") == (answer["state"], answer["reason"], answer["error"])


async def test_an_unknown_document_is_not_found(api: httpx.AsyncClient) -> None:
    """The text says where else to look."""
    answer = await get(api, f"/documents/{UNKNOWN}", 404)

    assert "see /status" in answer["detail"]


async def test_documents_are_listed_by_state(api: httpx.AsyncClient) -> None:
    """Newest first, with their number."""
    answer = await get(api, "/documents?state=rejected&limit=1")

    assert answer["total"] == 2
    assert [(an_id("c"), "The file is empty.")] == [(d["document_id"], d["reason"]) for d in answer["documents"]]
    assert article().title in [d["title"] for d in (await get(api, "/documents"))["documents"]]


async def test_quarantine_lists_what_was_rejected(api: httpx.AsyncClient) -> None:
    """And which of it can be replayed."""
    answer = await get(api, "/quarantine")

    assert [(an_id("c"), True), (an_id("b"), False)] == [
        (q["document_id"], q["replayable"]) for q in answer["quarantined"]
    ]
    assert (await get(api, f"/quarantine/{an_id('c')}"))["message"] == "AAAA"
    await get(api, f"/quarantine/{an_id('a')}", 404)


async def test_a_replay_puts_the_message_back(api: httpx.AsyncClient, outside: Outside) -> None:
    """Only where there is one."""
    assert (await api.post(f"/quarantine/{an_id('c')}/replay")).status_code == 202
    assert (await api.post(f"/quarantine/{an_id('b')}/replay")).status_code == 409
    assert (await api.post(f"/quarantine/{UNKNOWN}/replay")).status_code == 404
    assert [an_id("c")] == [rejection.document_id for rejection in outside.replayed]


async def test_another_site_cannot_make_a_browser_replay(api: httpx.AsyncClient, outside: Outside) -> None:
    """The page has no log-in: being on the same machine must not be enough."""
    foreign = {"Sec-Fetch-Site": "cross-site"}
    response = await api.post(f"/quarantine/{an_id('c')}/replay", headers=foreign)

    assert response.status_code == 403
    assert [] == outside.replayed


async def test_status_adds_up(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    """Every accepted document is in exactly one state."""
    answer = await get(api, "/status")

    states = ("indexed", "duplicate", "rejected", "removed")
    assert answer["accepted"] == sum(answer[state] for state in states) + answer["in_flight"]["total"]
    assert {"total": 3, "fetcher": 0, "parser": 2, "indexer": 1} == answer["in_flight"]
    assert (1, store.index_id) == (answer["searchable"], answer["index_id"])


async def test_status_is_unavailable_before_the_first_count(api: httpx.AsyncClient, outside: Outside) -> None:
    """No number is better than a wrong one."""
    outside.latest = None

    assert "not counted" in (await get(api, "/status", 503))["detail"]


async def test_what_is_away_for_now_is_a_503(
    store: SqliteDocumentStore, index: FakeSearchIndex, outside: Outside, needs: Dependencies
) -> None:
    """The client may try again."""
    outside.failure = TransientError("Redis is away, try again")
    failed = rejected("c", 3, stream="documents.fetched", message="AAAA")
    store.put_many([record("c", 3, state="rejected", parsed=None, rejection=failed)])
    app = create_api(needs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dateline") as client:
        response = await client.post(f"/quarantine/{an_id('c')}/replay")

    assert (503, "Redis is away, try again") == (response.status_code, response.json()["detail"])


async def test_a_rebuild_is_begun_and_watched(api: httpx.AsyncClient, store: SqliteDocumentStore) -> None:
    """The index takes another id, by which the fetcher knows that it has to feed everything again."""
    index_id = store.index_id
    begun = (await api.post("/index/rebuild")).json()

    assert index_id != store.index_id
    assert (True, 0) == (begun["running"], begun["done"])
    assert begun == {**await get(api, "/index/rebuild"), "per_second": 0.0, "seconds_left": None}


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/static/style.css", "/search?q=a", "/search", "/nowhere"])
async def test_every_answer_is_protected(api: httpx.AsyncClient, path: str) -> None:
    """The texts come from strangers."""
    headers = (await api.get(path)).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    """No address in it leads out, and no text becomes markup."""
    web = Path(__file__).parents[3] / "services/indexer/web"
    files = {file.name: file.read_text() for file in web.iterdir()}

    assert {"index.html", "app.js", "style.css"} < set(files)
    assert not any("http://" in text.replace("http://www.w3.org/", "") or "https://" in text for text in files.values())
    assert not any(word in text for text in files.values() for word in MARKUP)


async def test_every_part_of_the_page_is_there_for_those_that_use_it() -> None:
    """A name that is not would leave the page empty."""
    web = Path(__file__).parents[3] / "services/indexer/web"
    scripts = {file.name: file.read_text() for file in web.glob("*.js")}
    exported = {name: set(re.findall(r"^export (?:async )?\w+ (\w+)", text, re.M)) for name, text in scripts.items()}

    for user, text in scripts.items():
        for names, module in re.findall(r"^import \{ ([^}]+) \} from \"\./([^\"]+)\";", text, re.M):
            used = set(names.split(", "))
            assert used <= exported[module], user
            assert all(len(re.findall(rf"\b{name}\b", text)) > 1 for name in used), user


async def test_the_api_describes_itself_and_loads_no_documentation_from_elsewhere(api: httpx.AsyncClient) -> None:
    """The interactive pages of the framework come from a content network."""
    assert {"/search", "/documents/{document_id}", "/quarantine", "/status", "/ignored"} <= set(
        (await get(api, "/openapi.json"))["paths"]
    )
    await get(api, "/docs", 404)
