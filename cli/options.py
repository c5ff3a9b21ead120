"""What every command takes."""

import os
from typing import Annotated

import typer


def local_address() -> str:
    """Return where `make up` and `docker compose up` serve."""
    return f"http://127.0.0.1:{os.environ.get('DATELINE_PORT') or 8000}"


Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="DATELINE_URL",
        default_factory=local_address,
        show_default="http://127.0.0.1:8000, or DATELINE_PORT there",
        help="Address of Dateline.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
