"""What the routes work with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from services.fetcher.adapters.pages import Pages
from services.fetcher.uploads import Uploads
from shared.blobs import FilesystemBlobStore


@dataclass(slots=True)
class Dependencies:
    """The parts of the service that answer requests, and the requests under way."""

    blobs: FilesystemBlobStore
    uploads: Uploads
    pages: Pages
    asked: Callable[[], None]
    max_file_bytes: int
    uploading: int = 0
    keys: set[str] = field(default_factory=set)

    @contextmanager
    def under_way(self, key: str | None) -> Iterator[None]:
        """Count an upload, and hold its idempotency key."""
        self.uploading += 1
        if key:
            self.keys.add(key)
        try:
            yield
        finally:
            self.uploading -= 1
            self.keys.discard(key or "")


def _dependencies(request: Request) -> Dependencies:
    needs: Dependencies = request.app.state.dependencies
    return needs


Needs = Annotated[Dependencies, Depends(_dependencies)]
