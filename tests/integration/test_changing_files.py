"""Files that are appended to, cut short, replaced, deleted and made again while they are watched, by many writers.

Every version that a writer finished ends with its own checksum: what was read is a whole version, or it is not.
"""

import asyncio
import hashlib
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.fetcher.domain.identity import Place
from tests.watched import watching

#: The promise is about 10,000; each is changed this many times, by as many writers at the same time.
FILES, CHANGES, WRITERS = int(os.environ.get("DATELINE_CHANGING_FILES", "800")), 4, 8
#: Seconds a writer pauses in the middle, at most: longer than the settling time.
LONGEST_PAUSE = 0.4


def ended(text: str) -> str:
    """Return the text with its checksum, as a whole version is."""
    return f"{text}\nend {hashlib.sha256(text.encode()).hexdigest()}\n"


def is_whole(version: str) -> bool:
    text, _, checksum = version.rpartition("\nend ")
    return hashlib.sha256(text.encode()).hexdigest() == checksum.rstrip("\n")


class Writer:
    """Changes files, each in one of several ways, in pieces, with pauses."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ways: tuple[Callable[[Path], None], ...] = (
            self._append, self._truncate, self._replace, self._delete_and_make_again, self._write_in_place,
        )  # fmt: skip

    def change(self, file: Path) -> None:
        if file.exists():
            self._random.choice(self._ways)(file)
        else:
            self._write(file, "w", self._text())

    def _text(self) -> str:
        return "\n".join(f"line {self._random.random()}" for _ in range(self._random.randrange(1, 60)))

    def _write(self, file: Path, mode: str, text: str) -> None:
        whole = ended(text)
        cut = self._random.randrange(len(whole))
        with file.open(mode) as out:
            out.write(whole[:cut])
            out.flush()
            if self._random.random() < 0.2:
                time.sleep(self._random.uniform(0, LONGEST_PAUSE))
            out.write(whole[cut:])

    def _append(self, file: Path) -> None:
        before = file.read_text()
        more = self._text()
        with file.open("a") as out:
            out.write(more)
            out.flush()
            if self._random.random() < 0.2:
                time.sleep(self._random.uniform(0, LONGEST_PAUSE))
            out.write(ended(before + more)[len(before) + len(more) :])

    def _truncate(self, file: Path) -> None:
        self._write(file, "w", self._text())

    def _write_in_place(self, file: Path) -> None:
        """The same size, another content: only the dates tell."""
        size = len(file.read_text().rpartition("\nend ")[0])
        text = "".join(self._random.choices("abcdefgh ", k=size))
        with file.open("r+") as out:
            out.write(ended(text))

    def _replace(self, file: Path) -> None:
        aside = file.with_name(f".{file.name}.part")
        self._write(aside, "w", self._text())
        aside.replace(file)

    def _delete_and_make_again(self, file: Path) -> None:
        file.unlink()
        self._write(file, "w", self._text())


def write_all(inbox: Path, writer: int) -> None:
    """Change this writer's files, in turn, each several times; some are deleted in the end."""
    change = Writer(writer)
    mine = [inbox / f"{n % 50:02}" / f"{n:05}.txt" for n in range(writer, FILES, WRITERS)]
    for _ in range(CHANGES):
        for file in mine:
            change.change(file)
    for file in mine[::10]:
        file.unlink()


@pytest.mark.parametrize("watch", ["events", "polling"])
async def test_no_part_of_a_file_is_ever_taken_for_all_of_it_and_no_version_is_missed(
    tmp_path: Path, watch: str
) -> None:
    async with watching(tmp_path, watch=watch, poll_seconds=0.5, scan_seconds=5) as watched:
        for folder in range(50):
            (watched.folder / f"{folder:02}").mkdir()
        with ThreadPoolExecutor(WRITERS) as pool:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(pool, write_all, watched.folder, n) for n in range(WRITERS)))
        there = {bytes(file.relative_to(watched.folder)): file.read_text() for file in watched.folder.rglob("*.txt")}

        def is_mirrored() -> bool:
            known = watched.ledger.paths(Place("inbox", b""), b"", FILES + 1)
            return set(known) == set(there) and all(watched.text(path) == text for path, text in there.items())

        await watched.until(is_mirrored, "the ledger has what is there", seconds=60)
        entered = watched.librarian.entered
        parts = [
            (path, watched.content(content)) for path, content in entered if not is_whole(watched.content(content))
        ]
        assert parts == []
        assert len(entered) >= len(there)
