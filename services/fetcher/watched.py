"""A watched folder, and what the parts of its watcher work with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.fetcher.adapters.folder_events import FolderEvents, NoEvents
from services.fetcher.adapters.inbox import Inbox
from services.fetcher.adapters.ledger import Ledger
from services.fetcher.adapters.sightings import Sightings
from services.fetcher.domain.identity import Place
from services.fetcher.handlers import Librarian
from services.fetcher.lists import Lists
from services.fetcher.settings import MOVE_SECONDS, FetcherSettings
from shared.blobs import BlobStore


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """An inbox, what tells of it, and where what is found in it goes.

    Args:
        unheard: folders of the inbox whose changes are not told, to be polled.
        room: says why nothing may be read for now, None when it may.
        move_seconds: in which a vanished file's bytes may turn up in this or another inbox.
    """

    inbox: Inbox
    events: FolderEvents
    ledger: Ledger
    sightings: Sightings
    librarian: Librarian
    lists: Lists
    blobs: BlobStore
    room: Callable[[], str | None]
    settings: FetcherSettings
    unheard: Sequence[bytes] = ()
    move_seconds: float = MOVE_SECONDS

    def place(self, path: bytes) -> Place:
        """Return the place of a file of this inbox."""
        return Place(self.inbox.name, path)

    def is_written_elsewhere(self, path: bytes) -> bool:
        """Whether the file lies where this machine's kernel is not told of all who write."""
        return isinstance(self.events, NoEvents) or any(path.startswith(folder + b"/") for folder in self.unheard)
