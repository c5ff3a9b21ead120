"""The fetcher's settings."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class FetcherSettings(ServiceSettings):
    """What the fetcher needs beside the common settings."""

    inbox: Path = Field(default=Path("inbox"), description="The watched folder.")
    fetcher_port: int = Field(default=8001, ge=1, le=65_535, description="Port of the fetcher's health and metrics.")
    settle_seconds: float = Field(
        default=0.25, ge=0, le=60, description="Seconds a file must stay unchanged before it is read."
    )
    scan_seconds: float = Field(
        default=60, ge=1, le=86_400, description="Seconds between two scans of the whole inbox."
    )
    max_file_bytes: int = Field(
        default=100 * 2**20, ge=1, description="Bytes; a larger file is rejected with that reason."
    )
