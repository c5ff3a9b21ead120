"""How fast the fetcher is, beside what the same machine does without it, in the same run.

    drop      renamed into the inbox → found by HTTP, one document, an idle system
    close     closed after writing → `DocumentFetched` on its stream
    meanwhile the same as drop, while so many files that lay there at the start are taken
    rate      files that lie there at the start, against a bare loop of read, SHA-256 and durable blob write
    memory    of the fetcher with so many files known
    idle      share of a core with so many files watched and nothing happening
    ledger    the longest that anything waits for the ledger when so many files are known

`make bench ARGS='--figures rate idle --files 100000'`
"""

import argparse
import hashlib
import logging
import os
import random
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import redis
import structlog

from benchmarks.results import Figure, publish
from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.identity import Place, Stamp, document_id_of
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import FED_AT_A_TIME, Outbox
from shared.blobs import FilesystemBlobStore
from shared.contracts import BlobRef, StageBacklog
from shared.streams import Stream
from tests.servers import start_server
from tests.services import SERVICES, Services, running_services

#: The server the figures are taken with.
SERVER = "valkey-server"
#: Files in one folder.
FOLDER_FILES = 1_000
#: Seconds after which something that should have happened will not happen any more.
PATIENCE_SECONDS = 900.0
#: Documents dropped, or written, one after the other.
SINGLE = 300
#: Seconds over which an idle fetcher is watched: two of its scans.
IDLE_SECONDS = 130.0
#: Calls of each kind, the longest of which counts.
CALLS = 1_000


def text_of(number: int, words: int = 60) -> str:
    """Return an article of its own; `unique…` is found nowhere else."""
    some = random.Random(number)
    vocabulary = ("river", "bridge", "council", "harbour", "storm", "market", "school", "road", "night", "people")
    return f"Report {number}\n\nunique{number} " + " ".join(some.choice(vocabulary) for _ in range(words)) + ".\n"


def fill(inbox: Path, files: int) -> None:
    """Write so many small files."""
    for start in range(0, files, FOLDER_FILES):
        folder = inbox / f"{start // FOLDER_FILES:04}"
        folder.mkdir()
        for number in range(start, min(files, start + FOLDER_FILES)):
            (folder / f"{number:07}.txt").write_text(text_of(number))


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Run a server with its data in this folder; give its URL."""
    data = folder / "redis"
    data.mkdir()
    with start_server(SERVER, data) as server:
        yield server.url


@contextmanager
def system(folder: Path, *services: str) -> Iterator[tuple[Services, str]]:
    """Run these services on a folder with a server of their own."""
    with running_server(folder) as url, running_services(folder, url, services or SERVICES) as running:
        yield running, url


def until(is_so: Callable[[], bool], pause: float = 0.05) -> float:
    """Wait until it is so; return when that was, monotonic seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("what is measured did not happen")
        time.sleep(pause)
    return time.monotonic()


def percentiles(name: str, seconds: list[float]) -> list[Figure]:
    """Return p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [Figure(f"{name}, p50", cuts[49] * 1e3, "ms"), Figure(f"{name}, p99", cuts[98] * 1e3, "ms")]


def drop_one(services: Services, number: int) -> float:
    """Rename a document into the inbox; return the seconds until a search finds it."""
    aside = services.inbox / f".{number}.part"
    aside.write_text(text_of(number))
    start = time.monotonic()
    aside.rename(services.inbox / f"{number}.txt")
    return until(lambda: bool(services.get("/search", q=f"unique{number}")["hits"]), 0.002) - start


def drop(folder: Path, _: int) -> list[Figure]:
    """Drop one document after the other into the inbox of an idle system."""
    with system(folder) as (services, _url):
        until(lambda: services.status() != {})
        return percentiles("drop → searchable", [drop_one(services, number) for number in range(SINGLE)])


def meanwhile(folder: Path, files: int) -> list[Figure]:
    """Drop documents while the system takes a full inbox; what is still to be taken then is left."""
    with running_server(folder) as url:
        services = Services(folder, url)
        fill(services.inbox, files)
        for name in SERVICES:
            services.start(name)
        try:
            until(lambda: services.status().get("indexed", 0) > 0)
            waited = [drop_one(services, files + number) for number in range(SINGLE // 5)]
            left = files + len(waited) - services.status()["indexed"]
            peak = most_memory(services.pid("fetcher"))
        finally:
            services.stop()
    return [
        *percentiles(f"drop → searchable, among {files:,} files at the start", waited),
        Figure("files still to be taken when the last was dropped", left, "files"),
        Figure(f"memory with {files:,} files at the start, at most", peak, "MiB"),
    ]


def close(folder: Path, _: int) -> list[Figure]:
    """Write one file after the other, and wait for each on the stream."""
    waited = []
    with system(folder, "fetcher") as (services, url), redis.Redis.from_url(url) as client:
        until(lambda: services.ready("fetcher"))
        for number in range(SINGLE):
            last = client.xinfo_stream(Stream.FETCHED)["last-generated-id"]
            with (services.inbox / f"{number}.txt").open("w") as file:
                file.write(text_of(number))
            start = time.monotonic()
            client.xread({Stream.FETCHED: last}, block=10_000)
            waited.append(time.monotonic() - start)
    return percentiles("close after write → on the stream", waited)


def bare_rate(inbox: Path, blobs: Path) -> float:
    """Return the files a second that one process reads, hashes and writes durably, and does nothing else."""
    store = FilesystemBlobStore(blobs)
    files = list(inbox.rglob("*.txt"))
    start = time.monotonic()
    for file in files:
        store.put([file.read_bytes()])
    return len(files) / (time.monotonic() - start)


def rate(folder: Path, files: int) -> list[Figure]:
    """Let the fetcher start on an inbox full of files; the bare loop goes before and after it, on other files."""
    bare_files = max(1_000, files // 20)
    for name in ("before", "after"):
        (folder / name).mkdir()
        fill(folder / name, bare_files)
    before = bare_rate(folder / "before", folder / "blobs-before")
    with running_server(folder) as url:
        services = Services(folder, url, ["fetcher"])
        fill(services.inbox, files)
        ledger = folder / "data/ledger/ledger.sqlite"
        services.start("fetcher")
        start = until(lambda: accepted(ledger) > 0, 0.01)
        end = until(lambda: accepted(ledger) >= files, 0.2)
        services.stop()
    after = bare_rate(folder / "after", folder / "blobs-after")
    bare = (before + after) / 2
    mine = files / (end - start)
    return [
        Figure("files at the start, fetched", mine, "files/s"),
        Figure("the bare loop, before and after", bare, "files/s"),
        Figure("fetched against the bare loop", mine / bare, "×"),
    ]


def accepted(ledger: Path) -> int:
    """Return how many documents the ledger has; 0 while it is not there."""
    try:
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT coalesce(sum(documents), 0) FROM counts").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def know(folder: Path, inbox: Path) -> None:
    """Enter all files of the inbox into a ledger: what the fetcher knows after having worked on them."""
    with closing(LedgerFile(folder / "data/ledger")) as file:
        enter(file, files_of(inbox))


def files_of(inbox: Path) -> Iterator[tuple[bytes, Stamp]]:
    """Yield path and stamp of the files in the folders of an inbox."""
    for directory in sorted(inbox.iterdir()):
        with os.scandir(directory) as entries:
            for entry in entries:
                yield os.fsencode(f"{directory.name}/{entry.name}"), Stamp.of(entry.stat())


def enter(file: LedgerFile, files: Iterable[tuple[bytes, Stamp]]) -> None:
    """Enter these files into a ledger, as indexed."""
    moment = datetime.now(UTC).isoformat()
    with file.together():
        file.executemany(
            "INSERT INTO documents (document_id, path, live, state, change, sequence, published, size, "
            "modified_ns, changed_ns, inode, content_hash, accepted, fetched, seen_ns) "
            "VALUES (?, ?, 1, 'indexed', 'fetched', ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    document_id_of(Place("inbox", path)), path, row, stamp.size, stamp.modified_ns,
                    stamp.changed_ns, stamp.inode, content_hash_of(row), moment, moment, time.time_ns(),
                )
                for row, (path, stamp) in enumerate(files, start=1)
            ),
        )  # fmt: skip


def content_hash_of(number: int) -> str:
    """Return what could be the hash of a file's bytes."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@contextmanager
def knowing_fetcher(folder: Path, files: int) -> Iterator[tuple[Services, int]]:
    """Run a fetcher that knows all files of its inbox; its first scan has ended."""
    with running_server(folder) as url:
        services = Services(folder, url, ["fetcher"])
        fill(services.inbox, files)
        know(folder, services.inbox)
        services.start("fetcher")
        try:
            until(lambda: services.ready("fetcher"))
            until(lambda: cpu_rests(services.pid("fetcher")), 1.0)
            yield services, services.pid("fetcher")
            if not services.ready("fetcher"):
                raise TimeoutError(f"the fetcher has ended, or does nothing: {services.log.read_text()[-2_000:]}")
        finally:
            services.stop()


def cpu_seconds(pid: int) -> float:
    """Return the processor time the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory(pid: int) -> float:
    """Return the most memory the process ever had, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def cpu_rests(pid: int) -> bool:
    """Whether the process used less than a tenth of a core for two seconds."""
    before = cpu_seconds(pid)
    time.sleep(2)
    return cpu_seconds(pid) - before < 0.2


def memory(folder: Path, files: int) -> list[Figure]:
    """Start a fetcher that knows all these files, let it scan them, and look at the most memory it ever had."""
    with knowing_fetcher(folder, files) as (_, pid):
        return [Figure(f"memory with {files:,} files known, at most", most_memory(pid), "MiB")]


def idle(folder: Path, files: int) -> list[Figure]:
    """Watch a fetcher that watches all these files while nothing happens."""
    with knowing_fetcher(folder, files) as (_, pid):
        before, start = cpu_seconds(pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (cpu_seconds(pid) - before) / (time.monotonic() - start)
    return [Figure(f"idle with {files:,} files watched", share * 100, "% of a core")]


def ledger(folder: Path, files: int) -> list[Figure]:
    """Call a ledger that knows all these files; while it works, nothing else happens."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with closing(LedgerFile(folder)) as file:
        enter(file, ((known_path(number, files), Stamp(1, 1, 1, number)) for number in range(files)))
    with closing(LedgerFile(folder)) as file:  # opened again: it has nothing in memory
        longest = {name: longest_of(call) for name, call in ledger_calls(Ledger(file), files).items()}
    about = f"a ledger of {files:,} documents"
    each = [Figure(f"{about}, {name}, at most", seconds * 1e3, "ms") for name, seconds in longest.items()]
    return [*each, Figure(f"{about}, any call, at most", max(longest.values()) * 1e3, "ms")]


def known_path(number: int, files: int) -> bytes:
    """Return a path such that the files of a folder are entered far from each other, as those that came one by one."""
    return b"%04d/%07d.txt" % (number % folders_of(files), number)


def folders_of(files: int) -> int:
    """Return how many folders so many files lie in."""
    return max(1, files // FOLDER_FILES)


def longest_of(call: Callable[[int], object]) -> float:
    """Return the seconds of the longest of many calls."""
    longest = 0.0
    for number in range(CALLS):
        start = time.perf_counter()
        call(number)
        longest = max(longest, time.perf_counter() - start)
    return longest


def ledger_calls(ledger: Ledger, files: int) -> dict[str, Callable[[int], object]]:
    """Return what the fetcher asks of its ledger, and tells it, in the order in which it is to be called."""
    some = random.Random(0)
    librarian = Librarian(ledger, Outbox(ledger), lambda _: False)

    def accept(path: bytes, content_hash: str) -> None:
        content = BlobRef(sha256=content_hash, size=1)
        librarian.on_file_read(Place("inbox", path), Reading(Stamp(1, 1, 1, 0), time.time_ns(), content))

    def settle(number: int) -> None:
        if entry := ledger.at(Place("inbox", b"new/%d" % number)):
            ledger.settle(entry.document_id, entry.sequence, "indexed")

    def stamps(_: int) -> None:
        folders = folders_of(files)
        first = some.randrange(folders)
        ledger.stamps("inbox", [known_path(first + number * folders, files) for number in range(500)])

    ledger.begin_to_feed_everything("another")
    return {
        "a document's row": lambda _: ledger.at(Place("inbox", known_path(some.randrange(files), files))),
        "a new file": lambda number: accept(b"new/%d" % number, content_hash_of(-1 - number)),
        "a duplicate": lambda number: accept(b"same/%d" % number, content_hash_of(1)),
        "a settlement": settle,
        "the stamps of 500 files": stamps,
        "how many files there are": lambda _: ledger.files(Place("inbox", b"")),
        "the counts": lambda _: ledger.counts(StageBacklog(fetcher=0, parser=0, indexer=0)),
        "a step of feeding again": lambda _: ledger.feed_next(FED_AT_A_TIME),
    }


FIGURES: dict[str, tuple[Callable[[Path, int], list[Figure]], int]] = {
    "drop": (drop, 0),
    "meanwhile": (meanwhile, 100_000),
    "close": (close, 0),
    "rate": (rate, 100_000),
    "memory": (memory, 1_000_000),
    "idle": (idle, 100_000),
    "ledger": (ledger, 1_000_000),
}


def main() -> int:
    """Take the figures asked for, and publish them."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=list(FIGURES))
    parser.add_argument("--files", type=int, help="Files, where there are many.")
    parser.add_argument("--no-publish", action="store_true", help="Print only.")
    told = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    taken = []
    for name in told.figures:
        figure, files = FIGURES[name]
        folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        try:
            for one in figure(folder, told.files or files):
                sys.stdout.write(f"{one}\n")
                sys.stdout.flush()
                taken.append(one)
        finally:
            shutil.rmtree(folder)
    if not told.no_publish:
        publish("fetcher", taken)
    return 0


if __name__ == "__main__":
    sys.exit(main())
