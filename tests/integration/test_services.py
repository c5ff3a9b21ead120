"""The three services together: what a file becomes, good or bad, and what each service tells of itself."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import RedisServer
from tests.services import SERVICES, Services, running_services

pytestmark = pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)

PAGE = """<!doctype html><html lang="en"><head><title>Bridge closed for repairs - The Harbour Post</title></head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a> <a href="/weather">Weather</a></nav>
<article><h1>Bridge closed for repairs</h1>
<p>The old bridge over the strait will stay closed until the end of the month, the road office said on Monday.</p>
<p>Engineers found cracks in two of its pillars last week, and drivers will have to take the ferry until then.</p>
<p>The road office expects that about four thousand cars a day will have to wait for up to an hour at the pier.</p>
</article><footer><p>All rights reserved. Imprint. Privacy.</p></footer></body></html>
"""


@pytest.fixture
def services(redis_server: RedisServer, tmp_path: Path) -> Iterator[Services]:
    with running_services(tmp_path, redis_server.url) as services:
        yield services


async def test_a_bad_file_is_rejected_with_a_reason_and_the_others_flow_on(services: Services, client: Any) -> None:
    bad = {
        "empty.txt": (b"", "empty"),
        "blank.txt": (b" \n\t\n", "white space"),
        "photo.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 4, "JPEG"),
        "unknown.bin": (bytes(range(256)) * 16, "text"),
        "report.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
    }
    for name, (content, _) in bad.items():
        (services.inbox / name).write_bytes(content)
    (services.inbox / "link.txt").symlink_to("/etc/hostname")
    (services.inbox / "good.html").write_text(PAGE)
    services.wait_until("indexed", 1)
    status = services.wait_until("rejected", len(bad) + 1)
    assert (status["accepted"], status["in_flight"]["total"]) == (len(bad) + 2, 0)

    rejected = {d["source"]["path"]: d for d in services.get("/documents", state="rejected")["documents"]}
    assert set(rejected) == {*bad, "link.txt"}
    for name, (_, word) in bad.items():
        assert word in rejected[name]["reason"]
        assert services.get(f"/documents/{rejected[name]['document_id']}")["reason"] == rejected[name]["reason"]
    assert "symbolic link" in rejected["link.txt"]["reason"]


async def test_a_page_is_found_without_its_furniture(services: Services, client: Any) -> None:
    (services.inbox / "bridge.html").write_text(PAGE)
    services.wait_until("indexed", 1)
    (hit,) = services.get("/search", q="cracks pillars")["hits"]
    document = services.get(f"/documents/{hit['document_id']}")
    assert document["title"] == "Bridge closed for repairs"
    assert "Imprint" not in document["body"]
    assert services.get("/search", q="imprint")["total"] == 0
    assert any("Imprint" in block["text"] and block["reason"] for block in document["cut"])
    assert all(document["times"][stage] for stage in ("accepted", "fetched", "parsed", "indexed"))


async def test_a_file_with_the_bytes_of_another_is_its_duplicate(services: Services, client: Any) -> None:
    (services.inbox / "one.html").write_text(PAGE)
    services.wait_until("indexed", 1)
    (services.inbox / "two.html").write_text(PAGE)
    services.wait_until("duplicate", 1)
    assert services.get("/search", q="pillars")["total"] == 1
    (services.inbox / "one.html").unlink()
    services.wait_until("removed", 1)
    services.wait_until("indexed", 1)
    (hit,) = services.get("/search", q="pillars")["hits"]
    assert hit["source"]["path"] == "two.html"


async def test_documents_stay_while_the_inbox_itself_is_away(services: Services, client: Any) -> None:
    (services.inbox / "bridge.html").write_text(PAGE)
    services.wait_until("indexed", 1)
    away = services.inbox.rename(services.inbox.with_name("away"))
    await asyncio.sleep(2)  # longer than a single file that has vanished is waited for
    assert (services.status()["indexed"], services.status()["removed"]) == (1, 0)
    away.rename(services.inbox)
    (services.inbox / "bridge.html").unlink()
    services.wait_until("removed", 1)


@pytest.mark.parametrize("name", SERVICES)
async def test_every_service_tells_of_itself(services: Services, client: Any, name: str) -> None:
    services.wait_until("accepted", 0)
    assert _when_ready(services, name) == {"ready": True, "faults": {}}
    assert services.ask(name, "/livez").text == "alive\n"
    assert "dateline_messages_in_hand" in services.ask(name, "/metrics").text
    channels = services.ask(name, "/asyncapi.json").json()["channels"]
    assert any(channel["address"].startswith("documents.") for channel in channels.values())


def _when_ready(services: Services, name: str) -> Any:
    deadline = time.monotonic() + 30
    while True:
        try:
            answer = services.ask(name, "/readyz")
        except httpx.HTTPError:  # it has not opened its port yet
            answer = None
        if (answer and answer.status_code == 200) or time.monotonic() > deadline:
            assert answer
            return answer.json()
        time.sleep(0.1)


async def test_all_stop_cleanly(services: Services, client: Any) -> None:
    deadline = time.monotonic() + 30
    while not all(is_up(services, name) for name in SERVICES):  # before, SIGTERM ends them as it ends any process
        assert time.monotonic() < deadline, "a service does not come up"
        await asyncio.sleep(0.1)
    assert services.stop() == dict.fromkeys(SERVICES, 0)


def is_up(services: Services, name: str) -> bool:
    try:
        return services.ask(name, "/livez").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
