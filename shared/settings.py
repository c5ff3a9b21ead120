"""Settings every service has. Each comes from `DATELINE_…` in the environment and has a default."""

import socket
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import SetupError


class ServiceSettings(BaseSettings):
    """What every service is told about its surroundings."""

    model_config = SettingsConfigDict(env_prefix="DATELINE_", frozen=True)

    data: Path = Field(default=Path("data"), description="Folder for everything Dateline keeps.")
    redis_url: str = Field(
        default="",
        description="Redis server. Empty: the one `make up` runs, on a unix socket in the data folder.",
    )
    host: str = Field(default="127.0.0.1", description="Address the services listen on.")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="Log lines for machines or for people; auto: people on a terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line that is written."
    )
    replica: str = Field(
        default_factory=socket.gethostname,
        description="Name of this replica; the same after a restart, so that it takes up its own work at once.",
    )

    @property
    def redis(self) -> str:
        """URL of the Redis server."""
        return self.redis_url or f"unix://{(self.data / 'redis' / 'redis.sock').resolve()}"

    @property
    def blobs(self) -> Path:
        """Folder of the blob store."""
        return self.data / "blobs"


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(settings: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment. Raises `SetupError` that names each wrong one."""
    try:
        return settings()
    except ValidationError as error:
        faults = (f"DATELINE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SetupError("; ".join(faults)) from error
