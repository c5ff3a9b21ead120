"""Breaks Dateline on purpose while documents flow, and counts what is lost or doubled: `make chaos`.

Every run prints its seed and what it did; the same options with `--seed` play the same faults again.
"""

import argparse
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from tests.chaos.clocks import Clocks
from tests.chaos.documents import PARSE_SECONDS, Documents
from tests.chaos.faults import Saboteur
from tests.chaos.monitor import Monitor
from tests.chaos.oracle import Oracle, left_over, rejected_by_chance
from tests.chaos.proxy import ReplyDroppingProxy
from tests.chaos.result import Result, of_recoveries, of_search, of_stops, recoveries, taken_over
from tests.chaos.schedule import DISPOSALS, Plan, draw, kinds_of
from tests.chaos.server import DisposableServer
from tests.services import Services, running_services

REPLICAS = ("fetcher", "parser-1", "parser-2", "indexer")
#: Seconds everything may take to come to rest after the last fault, beside the time the documents themselves need.
REST_SECONDS = 120.0
#: Seconds after which the counts tell of the last settlement: a replay moves nothing into flight that they could show.
COUNTED_SECONDS = 2.0
#: Documents per second that are settled at least while nothing is broken, on a slow machine.
SLOWEST = 20


def run(plan: Plan, folder: Path) -> Result:
    """Feed the documents, let the faults happen, wait for rest, compare. Raises AssertionError when it never rests."""
    start = time.monotonic()
    schedule = draw(plan)
    documents = Documents(plan.documents)
    clocks = Clocks(folder / "clocks")
    server = DisposableServer(plan.server, folder / "redis", clocks.environment("server"))
    disposed: list[float] = []
    with ExitStack() as parts:
        server.start()
        parts.callback(server.kill)
        version = server.version
        proxy = ReplyDroppingProxy(str(server.socket), plan.lost_one_in, plan.seed)
        parts.callback(proxy.stop)
        services = parts.enter_context(running_services(folder, proxy.start(), REPLICAS, _environment(clocks)))
        saboteur = Saboteur(services, server, clocks, plan.seed)
        monitor = Monitor(services)
        monitor.start()
        seconds = sum(fault.after for fault in schedule)
        feeder = threading.Thread(target=documents.feed, args=(services.inbox, seconds * 0.9), daemon=True)
        feeder.start()
        for fault in schedule:
            time.sleep(fault.after)
            saboteur.restart_the_ended()
            indexed = monitor.seen.samples[-1].indexed if monitor.seen.samples else 0
            say(f"{time.monotonic() - start:7.1f} s  {fault}  {indexed} indexed")
            saboteur.inflict(fault)
            if fault.kind in DISPOSALS:
                disposed.append(time.monotonic())
        saboteur.end()
        feeder.join()
        say(f"{time.monotonic() - start:7.1f} s  waiting for rest")
        rest(services, saboteur, server.url, documents)
        replayed = replay_the_unlucky(services, documents)
        rest(services, saboteur, server.url, documents)
        oracle = Oracle(documents, saboteur.poison)
        differences = [*oracle.differences_running(services), *left_over(server.url), *saboteur.differences]
        seen = monitor.stop()
    wrong, late = of_search(seen, saboteur)
    differences += [*oracle.differences_at_rest(folder / "data"), *seen.differences, *wrong]
    recovered = recoveries(seen, disposed)
    return Result(
        server=version,
        seconds=time.monotonic() - start,
        lost_replies=proxy.dropped,
        taken_over=taken_over(services.log),
        replayed=replayed,
        stops=saboteur.stops,
        recoveries=recovered,
        seen=seen,
        differences=differences,
        late=[*late, *of_stops(saboteur.stops), *of_recoveries(recovered)],
    )


def rest(services: Services, saboteur: Saboteur, url: str, documents: Documents) -> None:
    """Wait until everything is settled and every stream is empty."""
    deadline = time.monotonic() + REST_SECONDS + len(documents) / SLOWEST
    while True:
        saboteur.restart_the_ended()
        status = services.status()
        settled = status.get("indexed", 0) + status.get("rejected", 0)
        if settled == len(documents) and status["in_flight"]["total"] == 0 and not left_over(url):
            time.sleep(COUNTED_SECONDS)
            return
        assert time.monotonic() < deadline, f"no rest: {status} {left_over(url)}"
        time.sleep(0.5)


def replay_the_unlucky(services: Services, documents: Documents) -> int:
    """A document that three killed workers had in hand is in quarantine, as promised: replay it; return how many."""
    unlucky = rejected_by_chance(services, documents)
    for one in unlucky:
        services.post(f"/quarantine/{one['document_id']}/replay")
    deadline = time.monotonic() + REST_SECONDS
    while rejected_by_chance(services, documents):
        assert time.monotonic() < deadline, "replayed documents stay in quarantine"
        time.sleep(0.5)
    return len(unlucky)


def _environment(clocks: Clocks) -> Callable[[str], dict[str, str]]:
    def of(name: str) -> dict[str, str]:
        return {"DATELINE_PARSE_SECONDS": str(PARSE_SECONDS), **clocks.environment(name)}

    return of


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run once, as told on the command line; 0 when nothing was lost, doubled, left over or late."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("--server", default="valkey-server", choices=["redis-server", "redis:8", "valkey-server"])
    for option in fields(Plan):
        if option.name not in {"server", "seed"}:
            parser.add_argument(f"--{option.name.replace('_', '-')}", type=int, default=option.default)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    plan = Plan(**vars(parser.parse_args()))
    say(str(plan))
    say(f"faults: {dict(kinds_of(draw(plan)))}")
    folder = Path(tempfile.mkdtemp(prefix="chaos"))
    folder.chmod(0o755)  # a container's user reads it, too
    result = run(plan, folder)
    for line in (*result.lines(), *result.differences[:50], *result.late[:50]):
        say(line)
    if result.differences or result.late:
        say(f"everything is kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
