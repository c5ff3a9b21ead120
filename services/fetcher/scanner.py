"""Compares what lies in an inbox with what is known of it: the truth behind the events, which can be lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from services.fetcher.adapters.walk import Listings, Sighting, Walk
from services.fetcher.domain.identity import Place, Stamp
from services.fetcher.domain.rules import Rules
from services.fetcher.watched import WatchedFolder


@dataclass(slots=True)
class Found:
    """What a step of a scan has found."""

    news: list[Sighting] = field(default_factory=list)  # files that are new, or other than they were
    refused: list[Sighting] = field(default_factory=list)  # folders that cannot be gone into
    left_out: list[bytes] = field(default_factory=list)  # documents that a rule leaves out by now


@dataclass(frozen=True, slots=True)
class Missing:
    """What a scan has not seen any more."""

    gone: list[bytes]
    left_out: list[bytes]  # beneath a folder that a rule leaves out by now


@dataclass(slots=True)
class Scan:
    """One scan: how many files it saw, of those how many are documents, and how many others are left out."""

    folder: bytes = b""
    recheck: bool = False  # ask the rules for what is known, too, and look again at what was refused
    afresh: bool = False  # compare every file, however its folder looks: it was elsewhere meanwhile, maybe
    seen: int = 0
    known: int = 0
    ignored: int = 0
    folders: set[bytes] = field(default_factory=set)  # those it did not go into
    others: set[bytes] = field(default_factory=set)  # those in which not every file is a document as it is known

    def passed_over(self, path: bytes) -> bool:
        """Whether this is a folder that the scan went into after all, or something in one that it did not go into."""
        if path.endswith(b"/"):
            return path not in self.folders
        parts = path.split(b"/")
        return any(b"/".join(parts[:i]) + b"/" in self.folders for i in range(1, len(parts)))


class Scanner:
    """Scans one inbox; enters into the sightings what the rules leave out."""

    def __init__(self, folder: WatchedFolder, rules: Rules) -> None:
        self._inbox = folder.inbox
        self._rules = rules
        self._events = folder.events
        self._ledger = folder.ledger
        self._sightings = folder.sightings
        self._listings = Listings()

    def forget(self) -> None:
        """Compare every file again at the next scan."""
        self._listings.forget()

    async def run(self, scan: Scan) -> AsyncIterator[Found]:
        """Go through the folder, step by step, reading it beside the event loop."""
        version = self._rules.version
        listings = Listings() if scan.recheck or scan.afresh else self._listings
        walk = Walk(self._inbox, self._rules, self._events.watch, listings)
        steps = walk.steps(scan.folder)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            scan.recheck |= version != self._rules.version  # an ignore file is read before what it speaks of
            scan.known += step.unchanged
            scan.seen += step.unchanged
            yield self._compare(step.sightings, scan)
        if version != self._rules.version:
            self._listings.forget()
            return
        for folder, digest, files in walk.looked_through:
            if folder not in scan.others:
                self._listings.remember(folder, digest, files)

    async def missing(self, scan: Scan, most: int) -> AsyncIterator[Missing]:
        """Yield what the scan has not seen of the files that were there at the last look, at most so many at a time."""
        beneath, after = Place(self._inbox.name, scan.folder), b""
        while paths := self._ledger.paths(beneath, after, most):
            gone = await asyncio.to_thread(self._gone, paths)
            # A folder that was refused, and is not any more, is as good as gone.
            gone += [p for p in paths if p.endswith(b"/") and p not in scan.folders and p not in gone]
            left_out = [p for p in paths if p not in gone and self._rules.ignoring(p)] if scan.recheck else []
            yield Missing(gone, left_out)
            after = paths[-1]

    async def forget_ignored(self, scan: Scan, most: int) -> None:
        """Forget what was left out and is gone, or is not left out any more, or lies in a folder that is."""
        after = b""
        while paths := self._sightings.ignored_paths(self._inbox.name, after, most):
            gone = await asyncio.to_thread(self._gone, paths)
            for path in paths:
                if path in gone or scan.passed_over(path):
                    self._sightings.forget(Place(self._inbox.name, path))
            after = paths[-1]

    def _gone(self, paths: Sequence[bytes]) -> list[bytes]:
        return [path for path in paths if self._inbox.is_gone(path)]

    def _compare(self, step: Sequence[Sighting], scan: Scan) -> Found:
        paths, inbox = [sighting.path for sighting in step], self._inbox.name
        known, ignored = self._ledger.stamps(inbox, paths), self._sightings.ignored_of(inbox, paths)
        scan.known += len(known)
        scan.others |= {os.path.dirname(s.path) for s in step if known.get(s.path) != s.stamp}  # noqa: PTH120  bytes
        known |= self._sightings.lists_of(inbox, paths)
        refused = self._ledger.refused(inbox, paths) if scan.recheck else set()
        scan.ignored += len(ignored)
        found, rules = Found(), list[tuple[bytes, str]]()
        for sighting in step:
            path = sighting.path
            if path.endswith(b"/"):
                scan.folders.add(path)
            if path in ignored and not scan.recheck:
                continue
            rule = sighting.rule or self._rule(sighting, known, scan)
            if rule:
                rules.append((path, rule))
                found.left_out += [path] if path in known else []
            elif known.get(path) != sighting.stamp or path in refused:
                (found.refused if sighting.reason else found.news).append(sighting)
            scan.seen += not (rule or sighting.reason)
            if path in ignored and not rule:
                self._sightings.forget(Place(inbox, path))
        self._sightings.ignore(inbox, rules)
        return found

    def _rule(self, sighting: Sighting, known: dict[bytes, Stamp], scan: Scan) -> str | None:
        if sighting.reason or (sighting.path in known and not scan.recheck):
            return None
        return self._rules.ignoring(sighting.path)
