"""What a person does with a running Dateline, whichever way it runs: drop, find, edit, move, delete, restart."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

#: Seconds after which something that should have happened will not happen any more.
PATIENCE_SECONDS = 20.0

STORY = """Ferry service across the strait resumes

KALDOR, March 3 - Ferry service across the strait resumed on Monday after a two-day closure, the harbour office said.
About 400 passengers had waited in the terminal since Saturday, when a storm damaged the northern pier. Engineers
inspected the pier on Sunday night and found it safe. "The first boat left at six this morning," said Ana Holm, who
runs the harbour office. She said that repairs to the lighting would go on until the end of the month.
"""


@dataclass(frozen=True)
class Dateline:
    """A running system: its inbox and its address."""

    inbox: Path
    address: str

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON the API answers with."""
        answer = httpx.get(f"{self.address}{path}", params=query, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def found(self, words: str) -> list[Any]:
        """Return the hits."""
        hits: list[Any] = self.get("/search", q=words)["hits"]
        return hits

    def found_as(self, words: str) -> str | None:
        """Return the id of the one document found, None if there is none."""
        hits = self.found(words)
        assert len(hits) <= 1
        return hits[0]["document_id"] if hits else None

    def post(self, path: str) -> Any:
        """Return the JSON the API answers with."""
        answer = httpx.post(f"{self.address}{path}", timeout=5)
        answer.raise_for_status()
        return answer.json()

    def drop(self, name: str, text: str) -> Path:
        """Write a file the way a careful sender does: aside, then renamed."""
        part = self.inbox / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.chmod(0o644)
        return part.rename(self.inbox / name)


def eventually(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until it is so; fail, naming what was waited for, when it does not become so."""
    deadline = time.monotonic() + seconds
    while not _holds(is_so):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def _holds(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except httpx.HTTPError:  # it is starting, or 503: asked again
        return False


def a_file_is_found_edited_moved_and_deleted(dateline: Dateline) -> None:
    """One file's life."""
    mark, other_mark = f"m{uuid4().hex}", f"m{uuid4().hex}"
    file = dateline.drop(f"{mark}.txt", f"{STORY}\nThe boat carries the number {mark} on its bow.\n")
    eventually(lambda: dateline.found_as(mark) is not None, "the dropped file is found")
    document_id = dateline.found_as(mark)
    document = dateline.get(f"/documents/{document_id}")
    assert document["title"] == "Ferry service across the strait resumes"
    assert document["language"] == "en"
    assert document["source"]["path"] == file.name

    dateline.drop(file.name, f"{STORY}\nThe boat now carries the number {other_mark} on its bow.\n")
    eventually(lambda: dateline.found_as(other_mark) == document_id, "the edited text is found")
    assert dateline.found(mark) == []

    moved = file.rename(file.with_name(f"moved-{file.name}"))
    eventually(
        lambda: dateline.get(f"/documents/{document_id}")["source"]["path"] == moved.name,
        "the document is at its new path",
    )
    assert dateline.found_as(other_mark) == document_id

    moved.unlink()
    eventually(lambda: dateline.found(other_mark) == [], "the deleted file is no longer found")


def a_file_is_not_taken_before_its_writer_has_closed_it(dateline: Dateline) -> None:
    """Whoever owns the file, and however long its writer pauses: a new file, and one that is written over."""
    mark = f"m{uuid4().hex}"
    file = dateline.inbox / f"{mark}.txt"
    for word in ("first", "second"):
        with file.open("w", encoding="utf-8") as out:
            file.chmod(0o644)
            out.write(f"{STORY}\nThe boat carries {mark}half{word} on its bow, and")
            out.flush()
            time.sleep(2.5)  # longer than the settling time
            assert dateline.found(f"{mark}half{word}") == []
            out.write(f" {mark}whole{word} on its stern.\n")
        eventually(lambda word=word: bool(dateline.found(f"{mark}whole{word}")), "the whole file is found")  # type: ignore[misc]


def a_folder_that_cannot_be_read_is_told(dateline: Dateline) -> None:
    """Its names can be listed, and nothing else: it is refused as a whole, and read once it can be."""
    folder = dateline.inbox / f"closed-{uuid4().hex}"
    mark = f"m{uuid4().hex}"
    folder.mkdir()
    (folder / "a.txt").write_text(f"{STORY}\nThe boat carries the number {mark} on its bow.\n")
    (folder / "a.txt").chmod(0o644)
    folder.chmod(0o744)

    def reasons() -> list[str]:
        listed = dateline.get("/documents", state="rejected")["documents"]
        return [one["reason"] for one in listed if one["source"]["path"] == f"{folder.name}/"]

    eventually(lambda: reasons() == ["The folder cannot be read: permission denied."], "the folder is refused")
    folder.chmod(0o755)
    eventually(lambda: dateline.found_as(mark) is not None, "what lies in the folder is found", seconds=90)


def a_rejected_file_is_explained_and_replayed(dateline: Dateline) -> None:
    """What nobody can read is listed with its reason; a replay tries it once more, and finds the same."""
    file = dateline.drop(f"{uuid4().hex}.txt", "")

    def rejections() -> list[Any]:
        return [one for one in dateline.get("/quarantine")["quarantined"] if one["source"]["path"] == file.name]

    eventually(lambda: len(rejections()) == 1, "the empty file is in quarantine")
    (first,) = rejections()
    assert first["reason"] == "The file is empty"
    dateline.post(f"/quarantine/{first['document_id']}/replay")
    eventually(lambda: [r["rejected"] for r in rejections()] > [first["rejected"]], "it was tried once more")
    trace = dateline.get(f"/documents/{first['document_id']}")["trace"]
    assert [attempt["outcome"] for attempt in trace if attempt["stage"] == "parser"] == ["failed", "failed"]


def a_rebuilt_index_finds_the_same(dateline: Dateline) -> None:
    """Every original is read once more, while the old index answers."""
    mark = f"m{uuid4().hex}"
    dateline.drop(f"{mark}.txt", f"{STORY}\nThe boat carries the number {mark} on its bow.\n")
    eventually(lambda: dateline.found_as(mark) is not None, "the dropped file is found")
    before = dateline.get(f"/documents/{dateline.found_as(mark)}")

    assert dateline.post("/index/rebuild")["running"]
    eventually(lambda: not dateline.get("/index/rebuild")["running"], "the rebuild has ended")
    after = dateline.get(f"/documents/{dateline.found_as(mark)}")
    assert (after["body"], after["title"]) == (before["body"], before["title"])
    assert after["times"]["indexed"] > before["times"]["indexed"]


def a_restart_ingests_nothing_again(dateline: Dateline, restart: Callable[[], Dateline]) -> None:
    """What is known stays known: no document is accepted, parsed or indexed a second time."""
    mark = f"m{uuid4().hex}"
    dateline.drop(f"{mark}.txt", f"{STORY}\nThe boat carries the number {mark} on its bow.\n")
    eventually(lambda: dateline.found_as(mark) is not None, "the dropped file is found")
    eventually(lambda: dateline.get("/status")["in_flight"]["total"] == 0, "nothing is in flight")
    document = dateline.get(f"/documents/{dateline.found_as(mark)}")
    accepted = dateline.get("/status")["accepted"]

    again = restart()
    later = f"m{uuid4().hex}"  # once this one is found, the scan at the start has been through the inbox
    again.drop(f"{later}.txt", f"{STORY}\nA second boat carries the number {later} on its bow.\n")
    eventually(lambda: again.found_as(later) is not None, "a file dropped after the restart is found")
    eventually(lambda: again.get("/status")["accepted"] == accepted + 1, "one more document was accepted")
    assert again.get(f"/documents/{document['document_id']}") == document
