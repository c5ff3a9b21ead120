"""What must be so before anything starts. Each fault is one line that names the setting to change."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SetupError


def require_port(host: str, port: int, setting: str) -> None:
    """Raise `SetupError` when nothing could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(f"cannot listen on {host} port {port}: {reason}; set {setting} or DATELINE_HOST") from error


def require_inbox(inbox: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Make the default inbox if it is missing; one that was asked for must be there. Raises `SetupError`."""
    if "DATELINE_INBOX" in environment:
        if not inbox.is_dir():
            raise SetupError(f"DATELINE_INBOX: there is no folder {inbox.absolute()}")
        return
    try:
        inbox.mkdir(exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot make {inbox.absolute()}: {error.strerror}; set DATELINE_INBOX") from error
