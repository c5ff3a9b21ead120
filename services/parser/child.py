"""A process that parses: `python -m services.parser.child SECONDS MEMORY_BYTES PARENT`; run by the `sandbox`.

It loads everything, gives up every right it can, says it is ready, and answers one request after the other
until its parent closes the stream or kills it.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

from services.parser.confinement import allow_processor, confine
from services.parser.frames import Failed, Parsed, Ready, Rejected, Reply, Request, packed, read_request
from services.parser.pipeline import MOST_BYTES, parse
from shared.errors import RejectedDocument

#: Characters of a traceback that are sent: its end says what went wrong.
_TRACEBACK = 15_000
#: A page that makes every library load what it loads late, so that no document pays for it.
_WARM_UP = b"<html><body><article><p>The council met and will mend the bridge.</p></article></body></html>"


def main() -> None:
    """Answer requests until there are no more."""
    seconds, memory_bytes, parent = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    requests, replies = _streams()
    confine(memory_bytes, parent)
    parse(_WARM_UP, "warm-up")
    replies.write(packed(Ready()))
    replies.flush()
    while (request := read_request(requests)) is not None:
        allow_processor(seconds)
        replies.write(_packed(_answer(request)))
        replies.flush()


def _streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the parent's two pipes, and leave 0 and 1 so that no library's print can corrupt them."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _answer(request: Request) -> Reply:
    try:
        return Parsed(document=parse(_read(request.path), request.name))
    except RejectedDocument as rejection:
        return Rejected(reason=str(rejection))
    except Exception:  # whatever it is, the parent must hear of it: MemoryError and RecursionError too
        return Failed(traceback=traceback.format_exc()[-_TRACEBACK:])


def _packed(reply: Reply) -> bytes:
    try:
        return packed(reply)
    except ValueError:
        return packed(Failed(traceback=traceback.format_exc()[-_TRACEBACK:]))


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(MOST_BYTES + 1)


if __name__ == "__main__":
    main()
