"""The fetcher's HTTP side, for the tests of what is sent to it."""

from pathlib import Path
from typing import Any

import httpx

from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.adapters.ledger_file import LedgerFile
from services.fetcher.adapters.pages import Pages
from services.fetcher.api.dependencies import Dependencies
from services.fetcher.api.http import create_api
from services.fetcher.handlers import Librarian
from services.fetcher.outbox import Outbox
from services.fetcher.uploads import Uploads
from shared.blobs import FilesystemBlobStore

#: Bytes a file may have in these tests.
MOST = 200_000


class Counter:
    """The fetcher's HTTP side, with a ledger and no server behind it."""

    def __init__(self, folder: Path, file: LedgerFile) -> None:
        self.ledger = Ledger(file)
        self.blobs = FilesystemBlobStore(folder / "blobs")
        librarian = Librarian(self.ledger, Outbox(self.ledger), lambda _: False)
        self.pages = Pages(file)
        self.asked = 0
        uploads = Uploads(file, self.ledger, librarian)
        self.needs = Dependencies(self.blobs, uploads, self.pages, self._count_asked, MOST)
        transport = httpx.ASGITransport(create_api(self.needs))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def _count_asked(self) -> None:
        self.asked += 1

    async def send(self, status: int = 202, **request: Any) -> Any:
        answer = await self.http.post("/documents", **request)
        assert status == answer.status_code, answer.text
        return answer.json()["documents"] if status == 202 else answer.json()["detail"]

    def documents(self) -> list[tuple[str, str, str]]:
        """Return (path, change, text) of what was accepted."""
        entries = self.ledger.unpublished(Lane.FRESH, 100)
        return [(e.place.path.decode(), e.change, self._text(e.content_hash or "")) for e in entries]

    def _text(self, content_hash: str) -> str:
        return (self.blobs.root / content_hash[:2] / content_hash).read_text()

    def left_over(self) -> list[str]:
        return [file.name for file in (self.blobs.root / "incoming").glob("*")]
