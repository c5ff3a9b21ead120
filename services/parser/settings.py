"""The parser's settings."""

import os

from pydantic import Field

from shared.settings import ServiceSettings


class ParserSettings(ServiceSettings):
    """What the parser needs beside the common settings."""

    parser_port: int = Field(default=8002, ge=1, le=65_535, description="Port of the parser's health and metrics.")
    parser_workers: int = Field(
        default_factory=lambda: max(2, min(8, os.cpu_count() or 2)),
        ge=1,
        le=64,
        description="Child processes that parse at the same time; default: one a core, 2 to 8.",
    )
    parse_seconds: float = Field(
        default=60, gt=0, le=3_600, description="Seconds a document may take before its parse is killed."
    )
    parse_memory_bytes: int = Field(
        default=2**30, ge=2**29, description="Bytes of address space one parsing child may have."
    )
