"""The fetcher's settings."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from shared.settings import ServiceSettings

#: How one of several inboxes is written: `name=folder`.
NAMED = re.compile(r"\s*([a-z0-9][a-z0-9_-]{0,31})\s*=\s*(.+?)\s*")
#: Names that are taken: of documents that come by other ways.
RESERVED = frozenset({"web", "uploads"})
#: The name of the inbox where there is one and it was given none.
UNNAMED = "inbox"
#: Seconds in which a vanished file's bytes may turn up elsewhere, where everything is told.
MOVE_SECONDS = 1.0
#: Watched folders, at most: each has its own readers.
MOST_INBOXES = 32


class FetcherSettings(ServiceSettings):
    """What the fetcher needs beside the common settings."""

    inbox: str = Field(
        default="inbox",
        description="The watched folder; or several, each with a name: `wire=/srv/wire,blogs=/srv/blogs`.",
    )
    fetcher_port: int = Field(
        default=8001,
        ge=1,
        le=65_535,
        description="Port of the fetcher: files and addresses by HTTP, health and metrics.",
    )
    settle_seconds: float = Field(
        default=1.0, ge=0, le=60,
        description="Seconds a file must stay unchanged before it is read, where nothing tells that it is closed.",
    )  # fmt: skip
    scan_seconds: float = Field(default=60, ge=1, le=86_400, description="Seconds between two scans of an inbox.")
    poll_seconds: float = Field(
        default=5, ge=0.1, le=86_400, description="The same where changes are not told: network and desktop mounts."
    )
    watch: Literal["auto", "events", "polling"] = Field(
        default="auto", description="Rely on the system's events or on looking again and again; auto: by the mount."
    )
    on_delete: Literal["remove", "keep"] = Field(
        default="remove", description="What becomes of a document when its file is deleted."
    )
    max_file_bytes: int = Field(
        default=100 * 2**20, ge=1, description="Bytes; a larger file is rejected with that reason."
    )

    web_networks: str = Field(
        default="",
        description="Networks that pages may be fetched from though they are not public: `10.1.0.0/16,192.0.2.7`.",
    )
    web_user_agent: str = Field(
        default="Dateline", min_length=1, max_length=200, pattern=r"^[\x21-\x7e][\x20-\x7e]*$",
        description="What web servers are told that fetches their pages; robots.txt may speak of it.",
    )  # fmt: skip
    web_pause_seconds: float = Field(
        default=1, ge=0, le=60, description="Seconds between two requests to the same web server, at least."
    )
    feed_seconds: float = Field(default=900, ge=1, le=86_400, description="Seconds between two looks at a feed.")

    def move_seconds(self, *, polled: bool) -> float:
        """Return in how many seconds a vanished file may turn up elsewhere: in a polled folder, at its next scan."""
        return self.poll_seconds + self.settle_seconds + MOVE_SECONDS if polled else MOVE_SECONDS

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks that pages may be fetched from though they are not public."""
        return tuple(ip_network(part.strip()) for part in self.web_networks.split(",") if part.strip())

    @field_validator("web_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in filter(str.strip, value.split(",")):
            ip_network(part.strip())
        return value

    @property
    def inboxes(self) -> dict[str, Path]:
        """The watched folders, by their names."""
        return _inboxes(self.inbox)

    @field_validator("inbox")
    @classmethod
    def _is_understood(cls, value: str) -> str:
        _inboxes(value)
        return value


def _inboxes(value: str) -> dict[str, Path]:
    parts = value.split(",") if NAMED.fullmatch(value) else [f"{UNNAMED}={value}"]
    inboxes: dict[str, Path] = {}
    for part in parts:
        named = NAMED.fullmatch(part)
        if not named:
            msg = f"{part!r} is not written as name=folder, with a name of small letters, digits, - and _"
            raise ValueError(msg)
        name, folder = named[1], Path(named[2])
        if name in RESERVED or name in inboxes:
            msg = f"the name {name!r} is taken; choose another for {folder}"
            raise ValueError(msg)
        inboxes[name] = folder
    _require_apart(inboxes)
    return inboxes


def _require_apart(inboxes: dict[str, Path]) -> None:
    if len(inboxes) > MOST_INBOXES:
        msg = f"{len(inboxes)} inboxes are more than {MOST_INBOXES}"
        raise ValueError(msg)
    for name, folder in inboxes.items():
        for other, around in inboxes.items():
            if name != other and folder.absolute().is_relative_to(around.absolute()):
                msg = f"{folder} lies in {around}: a file would be in both inboxes"
                raise ValueError(msg)
