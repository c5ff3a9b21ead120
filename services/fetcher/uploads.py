"""Uploaded files become documents; an upload that is sent again gets the answer of the first."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.fetcher.adapters.inbox import Reading
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import LedgerEntry
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.domain.file_names import told_apart
from services.fetcher.domain.identity import Place, Stamp
from services.fetcher.handlers import Librarian
from shared.contracts import BlobRef

#: The inbox that uploads are said to be from.
INBOX = "uploads"
#: Seconds for which an answer is given again, and how many are kept, at most.
ANSWER_SECONDS, MOST_ANSWERS = 24 * 3_600.0, 100_000


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was sent, its bytes in the blob store."""

    name: str
    content: BlobRef


class KeyUsedOtherwise(Exception):  # noqa: N818  the sender's mistake, to be told
    """The idempotency key came before, with other files."""


class Uploads:
    """Enters what is sent. All methods raise `TransientError` when the ledger does not take it for now."""

    def __init__(self, file: LedgerFile, ledger: Ledger, librarian: Librarian) -> None:
        self._file = file
        self._ledger = ledger
        self._librarian = librarian

    def accept(self, uploads: Sequence[Upload], key: str | None) -> list[dict[str, Any]]:
        """Enter the files; when it returns, they are on the disk, and so is that they were accepted.

        Raises:
            KeyUsedOtherwise: the key came before, with other files.
        """
        request = json.dumps([(upload.name, upload.content.sha256) for upload in uploads])
        known = self._answer(key) if key else None
        if known:
            if known["request"] != request:
                raise KeyUsedOtherwise
            answer: list[dict[str, Any]] = json.loads(known["answer"])
            return answer
        with self._file.durably():
            answer = [_told(upload, self._enter(upload)) for upload in uploads]
            if key:
                self._remember(key, request, json.dumps(answer))
        return answer

    def _enter(self, upload: Upload) -> LedgerEntry:
        now = time.time_ns()
        place = self._place(upload)
        stamp = Stamp(upload.content.size, modified_ns=now, changed_ns=0, inode=0)
        self._librarian.on_file_read(place, Reading(stamp, now, upload.content))
        entry = self._ledger.at(place)
        if entry is None:
            raise AssertionError("an upload that was entered is in the ledger")
        return entry

    def _place(self, upload: Upload) -> Place:
        """Return where the file is said to lie: under its name, unless another file has it."""
        place = Place(INBOX, upload.name.encode())
        holder = self._ledger.at(place)
        if holder is None or holder.content_hash == upload.content.sha256:
            return place
        return Place(INBOX, told_apart(upload.name, upload.content.sha256).encode())

    def _answer(self, key: str) -> Any:
        query = "SELECT request, answer FROM answers WHERE key = ? AND given > ?"
        return self._file.execute(query, (key, time.time() - ANSWER_SECONDS)).fetchone()

    def _remember(self, key: str, request: str, answer: str) -> None:
        now = time.time()
        self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (key, request, answer, now))
        self._file.execute(
            "DELETE FROM answers WHERE given < ? OR key IN "
            "(SELECT key FROM answers ORDER BY given DESC LIMIT -1 OFFSET ?)",
            (now - ANSWER_SECONDS, MOST_ANSWERS),
        )


def _told(upload: Upload, entry: LedgerEntry) -> dict[str, Any]:
    return {
        "document_id": entry.document_id,
        "name": upload.name,
        "size": upload.content.size,
        "sha256": upload.content.sha256,
        "duplicate_of": entry.duplicate_of,
    }
