"""One process a folder: two writers would destroy each other's files."""

import fcntl
from pathlib import Path
from typing import IO

from shared.errors import SetupError


def lock_folder(folder: Path, owner: str) -> IO[str]:
    """Make the folder if need be and lock it until the returned file is closed or the process ends, however it ends.

    Raises:
        SetupError: another process has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise SetupError(f"the data folder {folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        what = f"the data folder {folder} is in use by another {owner}"
        raise SetupError(f"{what}; stop it or set DATELINE_DATA") from error
    return lock
