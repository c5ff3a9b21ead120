"""Fetches web pages: politely, within limits, and from public addresses only.

HTTP semantics: RFC 9110 (conditional requests, Retry-After), RFC 9309 (robots.txt).
"""

import asyncio
import time
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpcore
import httpx
from protego import Protego

from services.fetcher.adapters.checked_network import CheckedBackend, CheckedTransport, Resolve, resolve
from services.fetcher.adapters.politeness import Politeness
from services.fetcher.domain.web_address import Network, checked
from shared.blobs import FilesystemBlobStore
from shared.contracts import BlobRef
from shared.errors import RejectedDocument, TransientError

#: Redirects followed, each checked as if it had been asked for.
MOST_REDIRECTS = 5
#: Connections at the same time: as many as the crawler has pages and feeds in hand.
MOST_CONNECTIONS = 40
#: Bytes of robots.txt that are read (RFC 9309, 2.5 asks for 500 KiB at least), and how long it holds.
ROBOTS_BYTES, ROBOTS_SECONDS, MOST_ROBOTS = 512_000, 24 * 3_600.0, 200
#: Bytes taken out of a compressed body at a time, whatever it promises.
STEP = 65_536
#: Seconds a server may ask us to stay away, at most.
LONGEST_AWAY_SECONDS = 24 * 3_600.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Answers that mean: not now.
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchLater(TransientError):  # noqa: N818  what to do with the page
    """The page cannot be had for now; in so many seconds, if the server says so."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a server tells whether its page has changed since (RFC 9110, 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered. `url`: where it was in the end."""

    url: str
    content: BlobRef
    validators: Validators


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of a page after decompression; seconds for all of it, and to connect; seconds between two requests."""

    most_bytes: int
    total_seconds: float = 60.0
    connect_seconds: float = 10.0
    pause_seconds: float = 1.0


class Sink(Protocol):
    """Where a body goes."""

    def write(self, chunk: bytes) -> None:
        """Take some more."""
        ...


class _Memory:
    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, chunk: bytes) -> None:
        self.content += chunk


class Web:
    """Fetches pages.

    Args:
        networks: what may be connected to though it is not public.
        resolve: tells what a name stands for.
    """

    def __init__(
        self, limits: Limits, networks: Sequence[Network], user_agent: str, resolve: Resolve = resolve
    ) -> None:
        self._limits = limits
        self._user_agent = user_agent
        self._politeness = Politeness(limits.pause_seconds)
        self._robots: OrderedDict[str, tuple[float, Protego]] = OrderedDict()
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        timeout = httpx.Timeout(limits.connect_seconds, pool=limits.total_seconds)
        self._extensions = {"timeout": timeout.as_dict()}
        # Without httpx's client: it would keep cookies, and have a say in redirects.
        self._network = CheckedTransport(CheckedBackend(networks, resolve), MOST_CONNECTIONS)

    async def close(self) -> None:
        """Close all connections."""
        await self._network.aclose()

    async def fetch(self, url: str, blobs: FilesystemBlobStore, validators: Validators) -> Page | None:
        """Fetch the page into the blob store; None when it has not changed.

        Raises:
            RejectedDocument: it may not be fetched, is not there, or is too large; says which.
            FetchLater: it cannot be had for now.
            TransientError: the disk does not take it for now.
        """
        with blobs.writer() as writer:
            answer = await self._get_within_time(url, validators, writer, self._limits.most_bytes)
            if answer is None:
                return None
            content = await asyncio.to_thread(writer.finish)
        return Page(answer[0], content, answer[1])

    async def read(self, url: str, validators: Validators, most: int) -> tuple[bytes, str, Validators] | None:
        """Return a small body, its address in the end, and its validators. Raises as `fetch` does."""
        memory = _Memory()
        answer = await self._get_within_time(url, validators, memory, most)
        return (bytes(memory.content), *answer) if answer else None

    async def _get_within_time(
        self, url: str, validators: Validators, sink: Sink, most: int
    ) -> tuple[str, Validators] | None:
        address = checked(url)
        for _ in range(MOST_REDIRECTS + 1):
            pause = await self._require_welcome(address)
            async with self._politeness.turn(address.host, pause):
                answer = await self._get(address, validators, sink, most)
            if not isinstance(answer, httpx.URL):
                return answer
            address = checked(str(answer))
        raise RejectedDocument(f"{url} redirects more than {MOST_REDIRECTS} times.")

    async def _get(
        self, address: httpx.URL, validators: Validators, sink: Sink, most: int
    ) -> httpx.URL | tuple[str, Validators] | None:
        """Ask once: where it redirects to, None when it has not changed, or what it is now."""
        conditions = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
        headers = self._headers | {name: value for name, value in conditions.items() if value}
        request = httpx.Request("GET", address, headers=headers, extensions=self._extensions)
        async with (
            _failures_told(address, self._limits),
            asyncio.timeout(self._limits.total_seconds),
            aclosing(await self._network.handle_async_request(request)) as answer,
        ):
            answer.request = request
            if answer.status_code in REDIRECTS and "location" in answer.headers:
                return _redirect(address, answer.headers["location"])
            if answer.status_code == 304:
                return None
            _require_page(address, answer)
            await _take(answer, sink, most)
        return str(address), Validators(answer.headers.get("etag"), answer.headers.get("last-modified"))

    async def _require_welcome(self, address: httpx.URL) -> float | None:
        """Ask robots.txt; return the seconds it wants between two requests.

        Raises:
            RejectedDocument: it does not want the page fetched.
            FetchLater: it cannot be had for now, and so nothing can (RFC 9309, 2.3.1.4).
        """
        origin = f"{address.scheme}://{address.netloc.decode()}"
        robots = self._known_robots(origin)
        if robots is None:
            async with self._politeness.turn(address.host):
                robots = self._known_robots(origin) or await self._read_robots(origin)
        if not robots.can_fetch(str(address), self._user_agent):
            raise RejectedDocument(f"{address.host} does not want {address.path} fetched by programs (robots.txt).")
        return robots.crawl_delay(self._user_agent)

    def _known_robots(self, origin: str) -> Protego | None:
        until, robots = self._robots.get(origin, (0.0, None))
        return robots if time.monotonic() < until else None

    async def _read_robots(self, origin: str) -> Protego:
        address, memory = httpx.URL(f"{origin}/robots.txt"), _Memory()
        try:
            for _ in range(MOST_REDIRECTS + 1):
                answer = await self._get(address, Validators(), memory, ROBOTS_BYTES)
                if not isinstance(answer, httpx.URL):
                    break
                address = checked(str(answer))
        except _Missing:  # there is none: everything is allowed (RFC 9309, 2.3.1.3)
            memory.content.clear()
        except _Unusable:  # too long, or damaged: what came of it counts
            pass
        robots = Protego.parse(memory.content.decode("utf-8", "replace"))
        self._robots[origin] = (time.monotonic() + ROBOTS_SECONDS, robots)
        if len(self._robots) > MOST_ROBOTS:
            self._robots.popitem(last=False)
        return robots


class _Missing(RejectedDocument):
    """The server says that the page is not to be had."""


class _Unusable(RejectedDocument):
    """The page is there, and its body is not as it should be."""


def _redirect(address: httpx.URL, location: str) -> httpx.URL:
    try:
        return address.join(location)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise RejectedDocument(f"{address} redirects to what is no address: {location[:200]!r}") from error


def _require_page(address: httpx.URL, answer: httpx.Response) -> None:
    status = answer.status_code
    if status in LATER:
        raise FetchLater(f"{address.host} answers {status} {answer.reason_phrase}", _away(answer.headers))
    if status != 200:
        raise _Missing(f"{address} answers {status} {answer.reason_phrase}".strip() + ".")


def _away(headers: httpx.Headers) -> float | None:
    """Return the seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal():
        return min(float(said[:9]), LONGEST_AWAY_SECONDS)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_AWAY_SECONDS)


async def _take(answer: httpx.Response, sink: Sink, most: int) -> None:
    """Put the body into the sink, decompressed, and count what comes out: no header is believed."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip"}:
        raise _Unusable(f"{answer.url} answers in an encoding that was not asked for: {encoding[:40]}.")
    unpacker = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    size = 0
    async for chunk in answer.aiter_raw(STEP):
        for part in _unpacked(unpacker, chunk) if unpacker else (chunk,):
            size += len(part)
            if size > most:
                raise _Unusable(f"{answer.url} is larger than {most:,} bytes.")
            await asyncio.to_thread(sink.write, part)
    if unpacker and not unpacker.eof:
        raise FetchLater(f"{answer.url} came only in part")


def _unpacked(unpacker: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while part := unpacker.decompress(chunk, STEP):
        yield part
        chunk = unpacker.unconsumed_tail


@asynccontextmanager
async def _failures_told(address: httpx.URL, limits: Limits) -> AsyncIterator[None]:
    host = address.host
    try:
        yield
    except TimeoutError as error:
        raise FetchLater(f"{host} took longer than {limits.total_seconds:g} s") from error
    except (httpcore.TimeoutException, httpx.TimeoutException) as error:
        raise FetchLater(f"{host} does not answer") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, OSError) as error:
        raise FetchLater(f"{host} cannot be reached: {error or type(error).__name__}") from error
    except zlib.error as error:
        raise _Unusable(f"{address} is damaged: {error}.") from error
