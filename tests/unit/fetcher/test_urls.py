"""Web pages that are asked for by HTTP, and the feeds that are polled."""

from typing import Any

import pytest

from services.fetcher.adapters.pages import Again, place_of
from services.fetcher.adapters.web import Validators
from services.fetcher.api.urls import MOST_BYTES, MOST_URLS
from services.fetcher.domain.identity import Place, document_id_of
from tests.unit.fetcher.counter import Counter


async def ask(counter: Counter, status: int = 202, **request: Any) -> Any:
    answer = await counter.http.post("/urls", **request)
    assert status == answer.status_code, answer.text
    return answer.json() if status == 202 else answer.json()["detail"]


def waiting(counter: Counter) -> list[str]:
    return [page.url for page in counter.pages.due(100, ())]


async def test_pages_are_taken_and_told_by_their_ids(counter: Counter) -> None:
    answer = await ask(
        counter, json={"urls": ["http://a.example", "http://a.example/#x", "ftp://b", "https://c.example/d"]}
    )
    urls = ["http://a.example/", "https://c.example/d"]
    assert answer["pages"] == [{"url": url, "document_id": document_id_of(place_of(url))} for url in urls]
    assert [(one["url"], "Only http" in one["reason"]) for one in answer["refused"]] == [("ftp://b", True)]
    assert (waiting(counter), counter.pages.waiting, counter.asked) == (urls, 2, 1)


async def test_pages_may_be_one_a_line(counter: Counter) -> None:
    text = "# mine\nhttp://a.example/\n\n http://b.example/ \r\n"
    await ask(counter, content=text.encode(), headers={"Content-Type": "text/plain"})
    assert waiting(counter) == ["http://a.example/", "http://b.example/"]


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"content": b""}, 422, "Send"),
        ({"content": b"ferry"}, 422, "in full"),
        ({"json": {"urls": []}}, 422, "urls"),
        ({"json": {"url": "http://a.example"}}, 422, "urls"),
        ({"json": ["http://a.example"]}, 422, "Send"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "JSON"),
        ({"content": b"http://a.example/\n" * (MOST_URLS + 1)}, 413, "in parts"),
        ({"content": b"x" * (MOST_BYTES + 1)}, 413, "in parts"),
    ],
)
async def test_a_request_that_names_no_page_is_told_so(
    counter: Counter, request_: dict[str, Any], status: int, reason: str
) -> None:
    assert reason in await ask(counter, status, **request_)
    assert (waiting(counter), counter.asked) == ([], 0)


async def test_a_page_asked_for_again_is_fetched_again_with_what_its_server_said_of_it(counter: Counter) -> None:
    await ask(counter, content=b"http://a.example/")
    counter.pages.end("http://a.example/", Validators(etag='"1"'))
    assert waiting(counter) == []
    await ask(counter, content=b"http://a.example/")
    (page,) = counter.pages.due(10, ())
    assert (page.validators, page.tries, page.host) == (Validators(etag='"1"'), 0, "a.example")


def test_a_list_asks_again_for_what_failed_and_a_feed_for_nothing(counter: Counter) -> None:
    urls = ["http://a.example/good", "http://a.example/bad"]
    counter.pages.ask(urls, Again.NEVER)
    counter.pages.end(urls[0], Validators())
    counter.pages.end(urls[1], None)
    counter.pages.ask(urls, Again.NEVER)
    assert waiting(counter) == []
    counter.pages.ask(urls, Again.AFTER_FAILURE)
    assert waiting(counter) == [urls[1]]
    counter.pages.ask(urls, Again.ALWAYS)
    assert waiting(counter) == [urls[1], urls[0]]


def test_pages_wait_for_their_time_and_for_their_host_to_be_free(counter: Counter) -> None:
    counter.pages.ask([f"http://a.example/{n}" for n in range(50)], Again.NEVER)
    counter.pages.ask(["http://b.example/", "http://c.example/"], Again.NEVER)
    counter.pages.put_off("http://c.example/", 60)
    assert [page.url for page in counter.pages.due(10, {"a.example"})] == ["http://b.example/"]
    assert counter.pages.waiting == 52


async def test_feeds_are_listed_with_the_file_that_names_them_and_what_is_wrong(counter: Counter) -> None:
    mine, other = Place("wire", b"mine.opml"), Place("wire", b"a.feed")
    counter.pages.name_feeds(mine, ["http://a.example/f", "http://b.example/f"])
    counter.pages.name_feeds(other, ["http://a.example/f"])
    assert [url for url, _ in counter.pages.due_feeds(10, ())] == ["http://a.example/f", "http://b.example/f"]
    counter.pages.put_off_feed("http://a.example/f", 60)
    counter.pages.end_feed("http://a.example/f", Validators("e", "l"), None)
    counter.pages.end_feed("http://b.example/f", Validators(), "It is not there.")
    assert counter.pages.due_feeds(10, ()) == [("http://b.example/f", Validators())]
    answer = (await counter.http.get("/feeds")).json()
    assert answer["total"] == 3
    told = [(feed["path"], feed["url"], feed["fault"], bool(feed["looked"])) for feed in answer["feeds"]]
    assert told[0] == ("mine.opml", "http://b.example/f", "It is not there.", True)
    assert told[1:] == [
        ("a.feed", "http://a.example/f", None, True),
        ("mine.opml", "http://a.example/f", None, True),
    ]
    counter.pages.name_feeds(mine, [])
    assert (await counter.http.get("/feeds", params={"limit": 1})).json()["total"] == 1
