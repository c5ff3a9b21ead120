"""A full disk, or a full Redis, stops what would fill it; nothing is lost, and all goes on when there is room again."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.chaos.documents import Documents
from tests.chaos.oracle import Oracle, left_over
from tests.chaos.server import DisposableServer
from tests.integration.test_health import RED_SECONDS, wait_until
from tests.servers import PATIENT_KINDS
from tests.services import SERVICES, Services, running_services

#: Seconds until everything is indexed once there is room again.
RECOVERY_SECONDS = 30.0
#: Of one core, on average, while nothing can be done.
MOST_CPU = 0.05
LOOK_SECONDS = 10.0
#: Bytes of the small disk, and what of it is filled.
DISK, BALLAST = 64 * 2**20, 60 * 2**20
#: Bytes of the small server, and of what others keep in it.
MEMORY, OTHERS, PIECE = 64 * 2**20, 56 * 2**20, 2**18
DOCUMENTS = Documents(300, hanging=0)


@contextmanager
def services_on(server: DisposableServer, folder: Path) -> Iterator[Services]:
    """Run the server and the services."""
    server.start()
    try:
        with running_services(folder, server.url) as services:
            yield services
    finally:
        server.kill()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system on the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: it takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def cpu_seconds(services: Services) -> float:
    """Return what all services have used so far, their children not counted."""
    ticks = 0
    for name in SERVICES:
        fields = Path(f"/proc/{services.pid(name)}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def assert_blocked_quietly(services: Services) -> None:
    """Somebody is not ready, nobody burns the processor, and searching goes on."""
    wait_until(lambda: not all(services.ready(name) for name in SERVICES), RED_SECONDS, "somebody not ready")
    time.sleep(2 * 5.0)  # until every back-off is at its longest
    before, start = cpu_seconds(services), time.monotonic()
    while time.monotonic() < start + LOOK_SECONDS:
        assert services.ask("indexer", "/search", q="harbour").status_code == 200
        time.sleep(1.0)
    used = (cpu_seconds(services) - before) / (time.monotonic() - start)
    assert used <= MOST_CPU * len(SERVICES), f"{used:.3f} cores"


def assert_all_is_there(services: Services, server: DisposableServer) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    good = len(DOCUMENTS.of_state("indexed"))
    services.wait_until("indexed", good, seconds=RECOVERY_SECONDS)
    wait_until(lambda: not left_over(server.url), max(5.0, deadline - time.monotonic()), "streams empty")
    wait_until(lambda: all(services.ready(name) for name in SERVICES), RECOVERY_SECONDS, "all services ready")
    services.wait_until("rejected", len(DOCUMENTS) - good, seconds=60)
    assert Oracle(DOCUMENTS, []).differences_running(services) == []


def block_and_release(
    services: Services, server: DisposableServer, fill: Callable[[], object], release: Callable[[], object]
) -> None:
    """Fill, feed, look, give room, and see everything come."""
    wait_until(lambda: all(services.ready(name) for name in SERVICES), 30, "all services ready")
    fill()
    DOCUMENTS.feed(services.inbox, seconds=1.0)
    assert_blocked_quietly(services)
    assert services.wait_until("accepted", 0)["indexed"] < len(DOCUMENTS.of_state("indexed"))
    release()
    assert_all_is_there(services, server)


@pytest.mark.parametrize("kind", PATIENT_KINDS)
@pytest.mark.parametrize("part", ["blobs", "ledger", "index", "redis"])
def test_a_full_disk_stops_intake_and_loses_nothing(part: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "redis" / "data" if part == "redis" else tmp_path / "data" / part
    server = DisposableServer(kind, tmp_path / "redis", {})
    ballast = folder / "ballast"
    # Redis keeps no reserve: its disk is filled to the last byte.
    size = DISK if part == "redis" else BALLAST
    with small_disk(folder), services_on(server, tmp_path) as services:
        block_and_release(services, server, lambda: fill_with(ballast, size), ballast.unlink)


def fill_with(ballast: Path, size: int) -> None:
    with ballast.open("wb", buffering=0) as file:
        for _ in range(size // 2**16):
            try:
                file.write(b"x" * 2**16)
            except OSError:
                return


@pytest.mark.parametrize("kind", PATIENT_KINDS)
def test_a_full_redis_stops_intake_and_loses_nothing(kind: str, tmp_path: Path) -> None:
    server = DisposableServer(kind, tmp_path / "redis", {})
    with services_on(server, tmp_path) as services, redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", MEMORY)
        others = [f"somebody else's {n}" for n in range(OTHERS // PIECE)]

        def fill() -> None:  # how much memory a value takes is for each server to say
            for key in others:
                if client.info("memory")["used_memory"] >= OTHERS:
                    return
                client.set(key, b"x" * PIECE)

        block_and_release(services, server, fill, lambda: client.delete(*others))
