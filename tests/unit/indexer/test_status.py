"""How far what came together is, and what is left out of it."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.indexer.adapters.redis_facts import RedisFacts
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from services.indexer.api.status import percent
from shared.contracts import IgnoredFile, IgnoredFiles, Progress
from shared.streams import LEDGER_COUNTS_KEY, LEDGER_IGNORED_KEY
from tests.unit.indexer.desk import COUNTS, LATER, MOMENT, Outside


def left_out(number: int, total: int | None = None) -> IgnoredFiles:
    files = tuple(IgnoredFile(inbox="inbox", path=f"{n}.tmp", rule="*.tmp", seen=LATER) for n in range(number))
    return IgnoredFiles(total=total or number, files=files)


@pytest.fixture
async def api(needs: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(needs), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


async def test_status_tells_what_is_no_document_yet(api: httpx.AsyncClient, outside: Outside) -> None:
    """Beside the accounting, which is of documents."""
    outside.latest = COUNTS.model_copy(update={"found": 7, "pages": 3, "ignored": 2})
    answer = (await api.get("/status")).json()

    assert (7, 3, 2, None) == tuple(answer[name] for name in ("found", "pages", "ignored", "progress"))
    assert 10 == answer["accepted"]


async def test_status_tells_how_far_a_bulk_is(api: httpx.AsyncClient, outside: Outside) -> None:
    progress = Progress(total=3_000, done=2_999, started=MOMENT, per_second=12.5, seconds_left=0.1)
    outside.latest = COUNTS.model_copy(update={"progress": progress})
    answer = (await api.get("/status")).json()["progress"]

    assert {
        "total": 3_000, "done": 2_999, "left": 1, "percent": 99.9, "per_second": 12.5, "seconds_left": 0.1,
        "started": "2026-03-14T09:26:00Z",
    } == answer  # fmt: skip


@given(st.integers(0, 10**9).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_a_hundred_percent_is_when_nothing_is_left_and_only_then(progress: tuple[int, int]) -> None:
    """Never 99.99 at the end, never 100 before; and no share is told that was not reached."""
    done, total = progress
    told = percent(done, total)

    assert (told == 100) == (done == total)
    assert 0 <= told <= 100
    assert told * total <= done * 100 + total * 1e-9
    assert told == round(told, 1)


async def test_what_is_ignored_is_listed_a_page_at_a_time(api: httpx.AsyncClient, outside: Outside) -> None:
    """With the rule that says so, and their number: there may be more than can be listed."""
    outside.left_out = left_out(30, total=40)
    answer = (await api.get("/ignored?limit=2&offset=10")).json()

    assert (40, 30) == (answer["total"], answer["listed"])
    assert [("inbox", "10.tmp", "*.tmp"), ("inbox", "11.tmp", "*.tmp")] == [
        (ignored["inbox"], ignored["path"], ignored["rule"]) for ignored in answer["ignored"]
    ]
    assert "2026-03-14T09:27:00Z" == answer["ignored"][0]["seen"]
    assert [] == (await api.get("/ignored?offset=1000")).json()["ignored"]


@pytest.mark.parametrize("parameter", ["limit=0", "limit=101", "offset=-1", "offset=1001", "page=2"])
async def test_a_wrong_page_is_refused(api: httpx.AsyncClient, parameter: str) -> None:
    assert 422 == (await api.get(f"/ignored?{parameter}")).status_code


async def test_what_is_ignored_is_unavailable_before_the_fetcher_has_said_it(api: httpx.AsyncClient) -> None:
    """Nothing known is not nothing ignored."""
    response = await api.get("/ignored")

    assert 503 == response.status_code
    assert "has not said yet" in response.json()["detail"]


class FakeRedis:
    """Holds keys, or is away."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.away = False

    async def get(self, key: str) -> Any:
        if self.away:
            raise RedisConnectionError("away")
        return self.keys.get(key)


async def test_facts_are_those_last_known_while_redis_is_away() -> None:
    """Or was wiped: the fetcher writes them again at once."""
    redis = FakeRedis()
    facts = RedisFacts(cast(Redis, redis), lambda: "index")
    assert (None, None) == (await facts.counts(), await facts.ignored())

    redis.keys[LEDGER_COUNTS_KEY] = COUNTS.model_dump_json().encode()
    redis.keys[LEDGER_IGNORED_KEY] = left_out(2).model_dump_json().encode()
    assert (COUNTS, left_out(2)) == (await facts.counts(), await facts.ignored())

    redis.away = True
    assert (COUNTS, left_out(2)) == (await facts.counts(), await facts.ignored())
    redis.away, redis.keys = False, {}
    assert (COUNTS, left_out(2)) == (await facts.counts(), await facts.ignored())
