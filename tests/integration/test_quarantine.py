"""A disaster and its repair: a thousand documents fail, the cause is mended, and all of them are replayed."""

import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.blobs import FilesystemBlobStore
from shared.contracts import BlobRef, DocumentParsed
from shared.messaging.envelope import FIELD, decode
from shared.messaging.fates import MOST_DELIVERIES
from shared.streams import Stream
from tests.processes import ROOT
from tests.scenario import STORY
from tests.servers import PATIENT_KINDS, RedisServer
from tests.services import Services, running_services

pytestmark = pytest.mark.parametrize("redis_server", PATIENT_KINDS, indirect=True)

POISONED, GOOD = 1_000, 20
#: A stage takes no more than 1,000 that are stuck behind it: the good ones come through in two waves.
WAVES = 2
SYLLABLES = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


@pytest.fixture
async def services(redis_server: RedisServer, client: Redis, tmp_path: Path) -> AsyncIterator[Services]:
    with running_services(tmp_path, redis_server.url) as services:
        yield services


async def test_a_thousand_poisoned_documents_are_quarantined_replayed_and_gone(
    services: Services, client: Redis, tmp_path: Path
) -> None:
    """What the parser stored for the indexer is damaged on the disk, and later restored from a backup."""
    services.wait_until("accepted", 0)
    blobs, chance = FilesystemBlobStore(tmp_path / "data" / "blobs"), random.Random(20_260_314)
    backup: dict[Path, bytes] = {}
    for wave in range(1, WAVES + 1):
        services.terminate("indexer")
        for n in range(POISONED // WAVES):
            (services.inbox / f"long-{wave}-{n}.txt").write_text(_too_long_for_a_message(chance))
        await _until_length(client, POISONED // WAVES)
        for n in range(GOOD // WAVES):
            (services.inbox / f"good-{wave}-{n}.txt").write_text(f"{STORY}\nIts number is {wave}-{n}.\n")
        await _until_length(client, (POISONED + GOOD) // WAVES)
        backup |= await _damage(client, blobs)
        services.start("indexer")
        status = services.wait_until("indexed", wave * GOOD // WAVES)
        assert status["rejected"] < wave * POISONED // WAVES  # the good ones behind them did not wait for them
        services.wait_until("rejected", wave * POISONED // WAVES)
        assert _deliveries(services, "retried") == (MOST_DELIVERIES - 1) * POISONED / WAVES
        assert _deliveries(services, "quarantined") == POISONED / WAVES
    assert len(backup) == POISONED

    (group,) = services.get("/quarantine/reasons")["reasons"]
    assert (POISONED, POISONED, ["indexer"]) == (group["count"], group["replayable"], group["stages"])
    assert "decompressing" in group["reason"]
    listed = _everything_listed(services)
    assert len({rejection["document_id"] for rejection in listed}) == POISONED
    assert {rejection["deliveries"] for rejection in listed} == {MOST_DELIVERIES}

    await _comes_back_once(services, listed[0])
    for path, content in backup.items():
        path.write_bytes(content)
    replayed = _dateline(services, "quarantine", "replay", "--reason", "decompressing data", "--json")
    assert {"replayed": POISONED, "not_replayable": 0, "why": None, "failed": {}} == replayed
    status = services.wait_until("indexed", POISONED + GOOD)
    assert (0, POISONED + GOOD, POISONED + GOOD) == (status["rejected"], status["accepted"], status["searchable"])
    assert _dateline(services, "quarantine", "list", "--json") == {"total": 0, "documents": 0, "reasons": []}
    assert _dateline(services, "quarantine", "replay", "--all", "--json")["replayed"] == 0


async def test_what_the_fetcher_could_not_read_says_what_to_do(services: Services) -> None:
    """There is no message to replay and nothing to download."""
    services.wait_until("accepted", 0)
    (services.inbox / "link.txt").symlink_to("/etc/hostname")
    services.wait_until("rejected", 1)
    (listed,) = services.get("/quarantine")["quarantined"]
    found = services.get(f"/quarantine/{listed['document_id']}")

    assert ("fetcher", False, None) == (found["stage"], found["replayable"], found["original"])
    assert "in the inbox" in found["remedy"]
    original = services.ask("indexer", f"/quarantine/{listed['document_id']}/original")
    assert (404, True) == (original.status_code, "could not be read" in original.json()["detail"])


async def test_the_original_of_a_rejected_file_is_downloaded_as_it_was(services: Services) -> None:
    services.wait_until("accepted", 0)
    (services.inbox / 'ведомости \u202e".jpg').write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 400)
    services.wait_until("rejected", 1)
    (listed,) = services.get("/quarantine")["quarantined"]
    original = services.ask("indexer", f"/documents/{listed['document_id']}/original")

    assert original.content == b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 400
    assert original.headers["content-type"] == "application/octet-stream"
    assert "filename*=UTF-8''%D0%B2%D0%B5%D0%B4%D0%BE" in original.headers["content-disposition"]


def _too_long_for_a_message(chance: random.Random) -> str:
    """Return a text that nothing compresses to the 16 kB a message may carry."""
    words = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(4_500)]
    return "\n\n".join(" ".join(words[i : i + 60]).capitalize() + "." for i in range(0, len(words), 60))


async def _until_length(client: Redis, length: int) -> None:
    async with asyncio.timeout(300):
        while await client.xlen(Stream.PARSED) < length:  # noqa: ASYNC110  a server's length has no event
            await asyncio.sleep(0.2)


async def _damage(client: Redis, blobs: FilesystemBlobStore) -> dict[Path, bytes]:
    """Overwrite every blob that waits for the indexer; return what it held."""
    backup = {}
    entries: Any = await client.xrange(Stream.PARSED)
    for _, fields in entries:
        claim = DocumentParsed.model_validate_json(decode(fields[FIELD])).parsed
        if isinstance(claim, BlobRef):
            path = blobs.path(claim)
            backup[path] = path.read_bytes()
            path.write_bytes(b"\0" * claim.size)
    return backup


def _everything_listed(services: Services) -> list[Any]:
    pages = [services.get("/quarantine", limit=100, offset=start) for start in range(0, POISONED, 100)]
    return [rejection for page in pages for rejection in page["quarantined"]]


def _deliveries(services: Services, outcome: str) -> float:
    metrics = services.ask("indexer", "/metrics").text
    pattern = rf'^dateline_deliveries_total{{outcome="{outcome}",stream="documents.parsed"}} (\S+)$'
    found = re.search(pattern, metrics, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


async def _comes_back_once(services: Services, rejection: Any) -> None:
    """Replay it before the cause is mended: it fails again, and has one record as before."""
    path = f"/quarantine/{rejection['document_id']}"
    assert _dateline(services, "quarantine", "replay", rejection["document_id"], "--json")["replayed"] == 1
    async with asyncio.timeout(60):
        while services.get(path)["rejected"] == rejection["rejected"]:  # noqa: ASYNC110  another process's doing
            await asyncio.sleep(0.1)
    assert services.get("/quarantine")["total"] == POISONED
    assert services.get(path)["deliveries"] == MOST_DELIVERIES


def _dateline(services: Services, *arguments: str) -> Any:
    """Run the command line; return its JSON."""
    command = [sys.executable, "-m", "cli", *arguments]
    environment = os.environ | {"DATELINE_URL": services.address("indexer")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
