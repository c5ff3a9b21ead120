"""Nobody is led into a private network: not by a spelling, a name, a change of mind of a name server, or a redirect.

A listener on every address of this machine counts who comes; one web server, at an address that is allowed, redirects.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

import httpcore
import pytest

from services.fetcher.adapters.checked_network import CheckedBackend
from services.fetcher.adapters.web import FetchLater, Limits, Validators, Web
from services.fetcher.domain.web_address import Address
from shared.blobs import FilesystemBlobStore
from shared.errors import RejectedDocument
from tests.site import Answer, running_site

#: The one address that may be connected to: where the redirecting server is.
ALLOWED = "127.0.0.9"
PRIVATE = ("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1",
           "192.168.1.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255")  # fmt: skip
PRIVATE_V6 = ("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "4000::1")
PUBLIC = "93.184.215.14"


def spellings(text: str) -> Iterator[str]:
    """Yield the ways in which resolvers and URL parsers are known to read an IPv4 address, as hosts of a URL."""
    address = IPv4Address(text)
    number, parts = int(address), address.packed
    last_three, last_two = number & 0xFFFFFF, number & 0xFFFF
    for each in (str, hex, lambda n: f"0{n:o}", lambda n: f"0X{n:X}", lambda n: f"0x{n:08x}", lambda n: f"00{n:o}"):
        yield each(number)
        yield f"{each(parts[0])}.{each(last_three)}"
        yield f"{each(parts[0])}.{each(parts[1])}.{each(last_two)}"
        yield ".".join(each(part) for part in parts)
    yield f"{parts[0]}.{hex(parts[1])}.0{parts[2]:o}.{parts[3]}"
    yield f"{text}."
    yield f"{text}%00"
    yield text.replace(".", "。")
    yield text.replace(".", "%2e")
    yield text.translate({ord(digit): 0xFF10 + int(digit) for digit in "0123456789"})
    yield text.translate({ord(digit): 0x245F + int(digit) for digit in "123456789"})
    yield f"user@{text}"
    yield f"{PUBLIC}@{text}"
    yield f"{PUBLIC}%20@{text}"
    yield f"{PUBLIC}\\@{text}"
    yield f"{text}#@{PUBLIC}"
    low, high = f"{last_two:x}", f"{number >> 16:x}"
    for prefix in (
        "::ffff:",
        "0:0:0:0:0:ffff:",
        "::FFFF:",
        "::",
        "::ffff:0:",
        "64:ff9b::",
        "64:ff9b:1::",
        "fe80::5efe:",
    ):
        yield f"[{prefix}{text}]"
        yield f"[{prefix}{high}:{low}]"
    yield f"[2002:{high}:{low}::]"
    yield f"[2001:0:{high}:{low}::]"
    yield f"[::ffff:{text}%25lo]"


HOSTS = [*(host for text in PRIVATE for host in spellings(text)), *(f"[{address}]" for address in PRIVATE_V6),
         *(f"{name}.example" for name in ("private", "mixed", "wrapped")), "localhost", "LOCALHOST.", "ip6-localhost",
         "sub.localhost"]  # fmt: skip


async def resolve(host: str) -> list[Address]:
    """Read numbers as the system does, without asking anybody; some names lead where they should not."""
    names = {
        "private.example": ["192.168.1.1"], "mixed.example": [PUBLIC, "127.0.0.1"],
        "wrapped.example": ["::ffff:7f00:1"],
        "localhost": ["127.0.0.1", "::1"], "localhost.": ["127.0.0.1"], "ip6-localhost": ["::1"],
        "sub.localhost": ["127.0.0.1"],
    }  # fmt: skip
    if host.lower() in names:
        return [ip_address(address) for address in names[host.lower()]]
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [ip_address(sockaddr[0]) for *_, sockaddr in found]


@asynccontextmanager
async def sentinel() -> AsyncIterator[tuple[int, list[object]]]:
    """Listen on every address of this machine; give the port, and who came."""
    came: list[object] = []

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("sockname"))
        writer.close()

    async with (
        await asyncio.start_server(note, "0.0.0.0", 0, family=socket.AF_INET) as server,
        await asyncio.start_server(note, "::", server.sockets[0].getsockname()[1], family=socket.AF_INET6),
    ):
        yield server.sockets[0].getsockname()[1], came


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    limits = Limits(1_000_000, total_seconds=5.0, connect_seconds=1.0, pause_seconds=0.0)
    web = Web(limits, [ip_network(ALLOWED)], "Dateline", resolve)
    yield web
    await web.close()


async def outcome(web: Web, url: str, blobs: FilesystemBlobStore) -> str:
    """Return in words why nothing was fetched."""
    try:
        page = await web.fetch(url, blobs, Validators())
    except (RejectedDocument, FetchLater) as why:
        return str(why)
    return f"fetched {page}"


def is_refused(why: str) -> bool:
    """Whether it is no address, or none that is connected to, or none that anybody knows."""
    known = ("may not be asked", "what is no address", "no address of a web page", "names no server",
             "user name or password", "knows the name")  # fmt: skip
    return any(reason in why for reason in known)


async def test_the_listener_would_notice_a_connection() -> None:
    async with sentinel() as (port, came):
        for host in ("127.0.0.1", "::1", ALLOWED):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
        await asyncio.sleep(0.1)
        assert len(came) == 3


async def test_no_spelling_of_a_private_address_is_connected_to(web: Web, tmp_path: Path) -> None:
    assert len(set(HOSTS)) >= 500
    blobs = FilesystemBlobStore(tmp_path)
    async with sentinel() as (port, came):
        outcomes = {host: await outcome(web, f"http://{host}:{port}/", blobs) for host in HOSTS}
        await asyncio.sleep(0.1)
        assert came == []
    assert {} == {host: why for host, why in outcomes.items() if not is_refused(why)}
    assert sum("no public address" in why for why in outcomes.values()) >= 250


async def test_no_redirect_leads_to_a_private_address(web: Web, tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    async with sentinel() as (port, came):
        with running_site(ALLOWED) as site:
            outcomes = {}
            for host in HOSTS:
                site.answers["/"] = Answer(
                    status=302, headers={"Location": f"http://{host}:{port}/".encode().decode("latin-1")}
                )
                outcomes[host] = await outcome(web, f"{site.address}/", blobs)
            assert site.times("/") == len(HOSTS)
        await asyncio.sleep(0.1)
        assert came == []
    assert {} == {host: why for host, why in outcomes.items() if not is_refused(why)}


async def test_a_name_that_changes_its_mind_is_looked_up_once() -> None:
    answers: list[str] = ["127.0.0.1", PUBLIC]
    asked: list[str] = []

    async def changing(host: str) -> list[Address]:
        asked.append(host)
        return [ip_address(answers.pop())]

    tried: list[str] = []
    backend = CheckedBackend([], changing)
    backend._connections = Recording(tried.append)  # type: ignore[assignment]
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("rebinding.example", 80)
    assert (asked, tried) == (["rebinding.example"], [PUBLIC])
    with pytest.raises(RejectedDocument, match=r"127\.0\.0\.1 is no public address"):
        await backend.connect_tcp("rebinding.example", 80)
    assert tried == [PUBLIC]


class Recording:
    """Connections that are only noted."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    async def connect_tcp(self, host: str, *_: object) -> httpcore.AsyncNetworkStream:
        """Connect to nobody."""
        self._note(host)
        raise httpcore.ConnectError
