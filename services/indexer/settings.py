"""The indexer's settings."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class IndexerSettings(ServiceSettings):
    """What the indexer needs beside the common settings."""

    port: int = Field(default=8000, ge=1, le=65_535, description="Port of the HTTP API and the search page.")
    commit_linger_seconds: float = Field(
        default=0.05, ge=0, le=10, description="Seconds a document waits for others to share its commit."
    )
    commit_batch: int = Field(default=500, ge=1, le=10_000, description="Documents in one commit, at most.")

    @property
    def index(self) -> Path:
        """Folder of the search index and the documents beside it."""
        return self.data / "index"
