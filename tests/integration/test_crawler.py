"""What is asked for is fetched, whatever becomes of servers and of this process; on loopback only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from ipaddress import ip_network
from pathlib import Path

import pytest

from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import LedgerEntry
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.pages import Again, Pages, place_of
from services.fetcher.adapters.web import Limits, Web
from services.fetcher.crawler import MOST_TRIES, Crawler
from services.fetcher.domain.identity import Place
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import Outbox
from shared.blobs import FilesystemBlobStore
from shared.tasks import end
from tests.site import Answer, Site, running_site


class Crawling:
    """A crawler with a ledger of its own, and no stream behind it."""

    def __init__(self, folder: Path, file: LedgerFile) -> None:
        self.file = file
        self.ledger, self.pages = Ledger(file), Pages(file)
        self.blobs = FilesystemBlobStore(folder / "blobs")
        self.full: str | None = None

    @asynccontextmanager
    async def at_work(self, feed_seconds: float = 900.0) -> AsyncIterator[None]:
        """Crawl while the block runs."""
        web = Web(Limits(1_000_000, pause_seconds=0.0), [ip_network("127.0.0.0/8")], "Dateline")
        librarian = Librarian(self.ledger, Outbox(self.ledger), lambda _: False)
        crawler = Crawler(self.pages, web, librarian, self.blobs, lambda: self.full, feed_seconds)
        self.wake = crawler.wake
        task = asyncio.create_task(crawler.run())
        try:
            yield
        finally:
            await end(task)
            await web.close()

    def ask(self, *urls: str) -> None:
        """Ask for these pages."""
        self.pages.ask(urls, Again.ALWAYS)
        self.wake()

    def entry(self, url: str) -> LedgerEntry | None:
        """Return the document of this page."""
        return self.ledger.at(place_of(url))

    def text(self, url: str) -> str | None:
        """Return what was fetched of this page."""
        entry = self.entry(url)
        hash_ = entry.content_hash if entry else None
        return (self.blobs.root / hash_[:2] / hash_).read_text() if hash_ else None

    def let_time_pass(self) -> None:
        """Whatever was put off is due now."""
        self.file.execute("UPDATE pages SET due = 0")


async def until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110  from outside, as a person would
            await asyncio.sleep(0.01)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    with closing(LedgerFile(tmp_path / "ledger")) as file:
        yield Crawling(tmp_path, file)


async def test_a_page_is_a_document_under_its_address_and_is_updated_when_asked_for_again(
    site: Site, crawling: Crawling
) -> None:
    url = f"{site.address}/ferry"
    site.answers["/ferry"] = Answer(b"six hours late", etag='"1"')
    async with crawling.at_work():
        crawling.ask(url)
        await until(lambda: not crawling.pages.waiting)
        first = crawling.entry(url)
        crawling.ask(url)
        await until(lambda: site.times("/ferry") == 2 and not crawling.pages.waiting)
        assert crawling.entry(url) == first
        site.answers["/ferry"] = Answer(b"seven hours late", etag='"2"')
        crawling.ask(url)
        await until(lambda: crawling.text(url) == "seven hours late")
        entry = crawling.entry(url)
    assert first
    assert entry
    assert (entry.document_id, entry.url, entry.place.inbox) == (first.document_id, url, "web")


async def test_a_page_that_is_gone_from_the_web_stays_what_it_was(site: Site, crawling: Crawling) -> None:
    url = f"{site.address}/ferry"
    site.answers["/ferry"] = Answer(b"six hours late")
    async with crawling.at_work():
        crawling.ask(url, f"{site.address}/never")
        await until(lambda: not crawling.pages.waiting)
        del site.answers["/ferry"]
        crawling.ask(url)
        await until(lambda: site.times("/ferry") == 2 and not crawling.pages.waiting)
    assert crawling.text(url) == "six hours late"
    never = crawling.entry(f"{site.address}/never")
    assert never
    assert "answers 404" in (never.reason or "")


async def test_a_busy_server_is_asked_again_until_it_answers(site: Site, crawling: Crawling) -> None:
    url = f"{site.address}/ferry"
    site.answers["/ferry"] = Answer(status=503)
    async with crawling.at_work():
        crawling.ask(url)
        for number in (1, 2):
            await until(lambda n=number: site.times("/ferry") == n and not crawling.pages.due(9, ()))  # type: ignore[misc]
            assert (crawling.pages.waiting, crawling.entry(url)) == (1, None)
            crawling.let_time_pass()
        site.answers["/ferry"] = Answer(b"at last")
        crawling.let_time_pass()
        await until(lambda: crawling.text(url) == "at last")


async def test_a_server_that_never_answers_is_given_up_with_its_reason(site: Site, crawling: Crawling) -> None:
    url = f"{site.address}/ferry"
    site.answers["/ferry"] = Answer(status=503)
    async with crawling.at_work():
        crawling.ask(url)
        for number in range(1, MOST_TRIES + 1):
            await until(lambda n=number: site.times("/ferry") == n)  # type: ignore[misc]
            await until(lambda: not crawling.pages.due(9, ()))
            crawling.let_time_pass()
        await until(lambda: not crawling.pages.waiting)
    entry = crawling.entry(url)
    assert entry
    assert f"in {MOST_TRIES} tries: 127.0.0.1 answers 503" in (entry.reason or "")
    assert site.times("/ferry") == MOST_TRIES


async def test_a_slow_host_keeps_no_other_waiting(site: Site, crawling: Crawling) -> None:
    slow = [f"{site.address}/{n}" for n in range(200)]
    site.answers |= {f"/{n}": Answer(b"slow %d" % n, seconds=1.0) for n in range(200)}
    with running_site("127.0.0.2") as quick:
        quick.answers["/"] = Answer(b"quick")
        async with crawling.at_work():
            crawling.ask(*slow)
            crawling.ask(f"{quick.address}/")
            await until(lambda: crawling.text(f"{quick.address}/"))
            assert crawling.pages.waiting >= 195


async def test_while_there_is_no_room_nothing_is_fetched(site: Site, crawling: Crawling) -> None:
    site.answers["/ferry"] = Answer(b"text")
    crawling.full = "the disk is full"
    async with crawling.at_work():
        crawling.ask(f"{site.address}/ferry")
        await asyncio.sleep(0.2)
        assert site.asked == []
        crawling.full = None
        await until(lambda: not crawling.pages.waiting)


async def test_what_was_asked_for_is_fetched_after_a_restart(site: Site, crawling: Crawling) -> None:
    site.answers["/ferry"] = Answer(b"text", seconds=0.5)
    async with crawling.at_work():
        crawling.ask(f"{site.address}/ferry")
        await until(lambda: site.times("/ferry"))
    assert crawling.entry(f"{site.address}/ferry") is None
    async with crawling.at_work():
        await until(lambda: crawling.text(f"{site.address}/ferry") == "text")


async def test_a_feed_is_polled_and_its_new_entries_are_fetched_once(site: Site, crawling: Crawling) -> None:
    feed, place = f"{site.address}/feed", Place("inbox", b"mine.feed")
    entries = ["/1", "/2", "mailto:nobody@example.org"]

    def answer() -> Answer:
        items = "".join(f"<item><link>{entry}</link></item>" for entry in entries)
        return Answer(f"<rss><channel>{items}</channel></rss>".encode(), etag=f'"{len(entries)}"')

    site.answers |= {"/feed": answer, **{f"/{n}": Answer(b"entry %d" % n) for n in (1, 2, 3)}}
    crawling.pages.name_feeds(place, [feed, f"{site.address}/none"])
    async with crawling.at_work(feed_seconds=0.2):
        await until(lambda: crawling.text(f"{site.address}/2") and crawling.text(f"{site.address}/1"))
        entries.append("/3")
        await until(lambda: crawling.text(f"{site.address}/3"))
        crawling.pages.name_feeds(place, [])
        await asyncio.sleep(0.3)
        asked = site.times("/feed")
        await asyncio.sleep(0.5)
        assert site.times("/feed") == asked
    assert [site.times(f"/{n}") for n in (1, 2, 3)] == [1, 1, 1]
    assert "if-none-match" in [a for a in site.asked if a.path == "/feed"][-1].headers


async def test_a_feed_that_cannot_be_read_is_told_with_its_reason(site: Site, crawling: Crawling) -> None:
    site.answers["/feed"] = Answer(b"<html>no feed</html>")
    urls = [f"{site.address}/feed", f"{site.address}/none"]
    crawling.pages.name_feeds(Place("inbox", b"mine.opml"), urls)
    async with crawling.at_work():
        await until(lambda: all(feed.fault for feed in crawling.pages.feeds(9)))
    faults = {feed.url: feed.fault for feed in crawling.pages.feeds(9)}
    assert "no feed" in (faults[urls[0]] or "")
    assert "answers 404" in (faults[urls[1]] or "")
