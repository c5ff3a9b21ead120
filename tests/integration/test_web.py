"""Pages are fetched politely, within limits, whatever a server answers; on loopback only."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest

from services.fetcher.adapters.web import MOST_REDIRECTS, FetchLater, Limits, Page, Validators, Web
from shared.blobs import FilesystemBlobStore
from shared.errors import RejectedDocument
from tests.processes import free_port
from tests.site import Answer, Site, running_site, zipped

LIMITS = Limits(most_bytes=1_000_000, total_seconds=5.0, connect_seconds=2.0, pause_seconds=0.0)
LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web(LIMITS, LOOPBACK, "Dateline/test")
    yield web
    await web.close()


@pytest.fixture
def blobs(tmp_path: Path) -> FilesystemBlobStore:
    return FilesystemBlobStore(tmp_path)


async def fetch(web: Web, url: str, blobs: FilesystemBlobStore, validators: Validators | None = None) -> Page:
    page = await web.fetch(url, blobs, validators or Validators())
    assert page
    return page


def left_over(blobs: FilesystemBlobStore) -> list[str]:
    return [file.name for file in (blobs.root / "incoming").glob("*")]


async def test_a_page_is_stored_and_not_fetched_again_while_it_is_the_same(
    site: Site, web: Web, blobs: FilesystemBlobStore
) -> None:
    site.answers["/a"] = Answer(b"ferry", etag='"1"')
    page = await fetch(web, f"{site.address}/a", blobs)
    assert blobs.read(page.content) == b"ferry"
    assert page.validators == Validators(etag='"1"')
    assert await web.fetch(f"{site.address}/a", blobs, page.validators) is None
    site.answers["/a"] = Answer(b"bridge", etag='"2"', headers={"Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT"})
    page = await fetch(web, f"{site.address}/a", blobs, page.validators)
    assert page.validators == Validators('"2"', "Thu, 26 Nov 2026 12:00:00 GMT")
    assert site.asked[-1].headers["user-agent"] == "Dateline/test"
    assert site.times("/robots.txt") == 1
    assert left_over(blobs) == []


async def test_redirects_are_followed_and_not_without_end(site: Site, web: Web, blobs: FilesystemBlobStore) -> None:
    site.answers["/a"] = Answer(status=301, headers={"Location": "b?x=1"})
    site.answers["/b?x=1"] = Answer(status=307, headers={"Location": f"{site.address}/c"})
    site.answers["/c"] = Answer(b"here")
    page = await fetch(web, f"{site.address}/a", blobs)
    assert (page.url, blobs.read(page.content)) == (f"{site.address}/c", b"here")
    site.answers["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    with pytest.raises(RejectedDocument, match="redirects more than"):
        await fetch(web, f"{site.address}/loop", blobs)
    assert site.times("/loop") == MOST_REDIRECTS + 1
    for location, reason in (("ftp://a.example/", "Only http"), ("http://[", "names no server")):
        site.answers["/away"] = Answer(status=302, headers={"Location": location})
        with pytest.raises(RejectedDocument, match=reason):
            await fetch(web, f"{site.address}/away", blobs)


async def test_what_robots_txt_asks_for_is_done(site: Site, web: Web, blobs: FilesystemBlobStore) -> None:
    site.answers["/robots.txt"] = Answer(
        b"User-agent: dateline\nDisallow: /private\nAllow: /private/not\nCrawl-delay: 0.4\n"
    )
    site.answers["/private/not"] = site.answers["/open"] = Answer(b"text")
    with pytest.raises(RejectedDocument, match=r"does not want /private/a fetched by programs \(robots.txt\)"):
        await fetch(web, f"{site.address}/private/a", blobs)
    assert site.times("/private/a") == 0
    await asyncio.gather(*(fetch(web, f"{site.address}/{p}", blobs) for p in ("open", "private/not", "open")))
    pages = [asked for asked in site.asked if asked.path != "/robots.txt"]
    pauses = [later.began - earlier.ended for earlier, later in pairwise(pages)]
    assert len(pauses) == 2
    assert min(pauses) >= 0.35


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (Answer(status=404), True),
        (Answer(status=403), True),
        (Answer(b"User-agent: *\nDisallow: /\n"), False),
        (Answer(b"User-agent: other\nDisallow: /\n"), True),
        (Answer(b"User-agent: *\nDisallow: /\n" + b"#" * 1_000_000), False),
        (Answer(b"\xff\x00 nonsense"), True),
    ],
)
async def test_a_robots_txt_that_is_not_there_forbids_nothing_and_one_too_long_counts_as_far_as_it_is_read(
    site: Site, web: Web, blobs: FilesystemBlobStore, robots: Answer, allowed: bool
) -> None:
    site.answers |= {"/robots.txt": robots, "/a": Answer(b"text")}
    if allowed:
        await fetch(web, f"{site.address}/a", blobs)
    else:
        with pytest.raises(RejectedDocument, match=r"robots.txt"):
            await fetch(web, f"{site.address}/a", blobs)


async def test_while_robots_txt_cannot_be_had_nothing_is_fetched(
    site: Site, web: Web, blobs: FilesystemBlobStore
) -> None:
    site.answers |= {"/robots.txt": Answer(status=503), "/a": Answer(b"text")}
    with pytest.raises(FetchLater):
        await fetch(web, f"{site.address}/a", blobs)
    site.answers["/robots.txt"] = Answer(status=302, headers={"Location": "/other.txt"})
    site.answers["/other.txt"] = Answer(b"User-agent: *\nDisallow: /b\n")
    await fetch(web, f"{site.address}/a", blobs)
    with pytest.raises(RejectedDocument):
        await fetch(web, f"{site.address}/b", blobs)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(status=503), None),
        (Answer(status=429, headers={"Retry-After": "120"}), 120),
        (Answer(status=503, headers={"Retry-After": "999999999999"}), 86_400),
        (Answer(status=503, headers={"Retry-After": "soon"}), None),
    ],
)
async def test_a_server_that_is_busy_is_asked_later(
    site: Site, web: Web, blobs: FilesystemBlobStore, answer: Answer, seconds: float | None
) -> None:
    site.answers["/a"] = answer
    with pytest.raises(FetchLater, match=str(answer.status)) as later:
        await fetch(web, f"{site.address}/a", blobs)
    assert later.value.seconds == seconds


async def test_a_server_may_say_by_a_date_when_to_come_again(site: Site, web: Web, blobs: FilesystemBlobStore) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    site.answers["/a"] = Answer(status=503, headers={"Retry-After": when})
    with pytest.raises(FetchLater) as later:
        await fetch(web, f"{site.address}/a", blobs)
    assert 590 <= (later.value.seconds or 0) <= 600


async def test_what_is_not_there_or_is_not_as_it_should_be_is_told(
    site: Site, web: Web, blobs: FilesystemBlobStore
) -> None:
    site.answers |= {
        "/gone": Answer(status=410),
        "/large": Answer(b"x" * 1_000_001),
        "/bomb": zipped(bytes(50_000_000)),
        "/damaged": Answer(b"\x1f\x8b\x08 nonsense", headers={"Content-Encoding": "gzip"}),
        "/odd": Answer(b"text", headers={"Content-Encoding": "br"}),
    }
    reasons = {
        "/none": "answers 404 Not Found", "/gone": "answers 410 Gone", "/large": "larger than 1,000,000 bytes",
        "/bomb": "larger than 1,000,000 bytes", "/damaged": "is damaged", "/odd": "not asked for: br",
    }  # fmt: skip
    for path, reason in reasons.items():
        with pytest.raises(RejectedDocument, match=reason):
            await fetch(web, f"{site.address}{path}", blobs)
    assert left_over(blobs) == []


async def test_a_compressed_page_is_unpacked(site: Site, web: Web, blobs: FilesystemBlobStore) -> None:
    text = b"ferry " * 100_000
    site.answers["/a"] = zipped(text)
    assert blobs.read((await fetch(web, f"{site.address}/a", blobs)).content) == text


async def test_half_a_page_is_no_page(site: Site, web: Web, blobs: FilesystemBlobStore) -> None:
    packed = gzip.compress(b"ferry " * 10_000)
    site.answers["/cut"] = Answer(b"half", length=100)
    site.answers["/zipped"] = Answer(packed[:-10], headers={"Content-Encoding": "gzip"})
    for path in ("/cut", "/zipped"):
        with pytest.raises(FetchLater):
            await fetch(web, f"{site.address}{path}", blobs)
    assert left_over(blobs) == []
    assert not list(blobs.root.glob("??/*"))


async def test_a_server_that_is_slow_or_away_is_asked_later(site: Site, blobs: FilesystemBlobStore) -> None:
    site.answers["/a"] = Answer(b"text", seconds=3.0)
    web = Web(Limits(1_000, total_seconds=0.3, pause_seconds=0.0), LOOPBACK, "Dateline")
    with pytest.raises(FetchLater, match=r"took longer than 0\.3 s"):
        await fetch(web, f"{site.address}/a", blobs)
    with pytest.raises(FetchLater, match="cannot be reached"):
        await fetch(web, f"http://127.0.0.1:{free_port()}/", blobs)
    await web.close()


async def test_what_speaks_no_http_is_asked_later(web: Web, blobs: FilesystemBlobStore) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nothing of the web\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0, family=socket.AF_INET) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchLater, match="cannot be reached"):
            await fetch(web, f"http://127.0.0.1:{port}/", blobs)


async def test_one_host_is_asked_one_thing_at_a_time_and_others_meanwhile(blobs: FilesystemBlobStore) -> None:
    web = Web(Limits(1_000, pause_seconds=0.2), LOOPBACK, "Dateline")
    with running_site("127.0.0.1") as one, running_site("127.0.0.2") as other:
        for site in (one, other):
            site.answers |= {f"/{n}": Answer(b"text", seconds=0.1) for n in range(3)}
        urls = [f"{site.address}/{n}" for n in range(3) for site in (one, other)]
        await asyncio.gather(*(fetch(web, url, blobs) for url in urls))
    for site in (one, other):
        times = sorted((asked.began, asked.ended) for asked in site.asked)
        assert len(times) == 4
        assert all(later[0] - earlier[1] >= 0.15 for earlier, later in pairwise(times))
    assert one.asked[-1].began < other.asked[-1].ended
    assert other.asked[1].began < one.asked[-1].ended
    await web.close()
