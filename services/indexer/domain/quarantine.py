"""The quarantine's words: which rejections are of one kind, which can be replayed, what a person can do about one."""

import re
from dataclasses import dataclass
from datetime import datetime

from services.indexer.domain.documents import DocumentRecord
from shared.contracts import DocumentRejected
from shared.streams import Stream

#: Characters of a class: a line or two on a screen.
LONGEST_CLASS = 200
#: What differs between two rejections for the same reason: what is quoted, hexadecimal ids and addresses, numbers.
VARYING = (
    (re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|“[^”]*”"), "…"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?:0x)?[0-9a-f]{8,}\b"), "N"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "N"),
)


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which rejections are meant: those of one class of reasons (any reason of it will do), of one stage, or all."""

    reason: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """The rejections of one class. `replayable` of the `count` can be put back."""

    reason: str
    count: int
    replayable: int
    stages: tuple[str, ...]
    newest: datetime


def reason_class(reason: str) -> str:
    """Return what the reason has in common with others of its kind; a class is its own class.

    The store keeps it beside each rejection: when this rule changes, so must the store's schema version.
    """
    text = " ".join(reason.split())
    for varying, mark in VARYING:
        text = varying.sub(mark, text)
    return text[:LONGEST_CLASS].strip()


def rejection_of(record: DocumentRecord) -> DocumentRejected | None:
    """Return why the document is in quarantine, None if it is not, with what is known of it by now.

    It may have moved since; and a message that could not be applied may have said less than was known.
    """
    if record.state != "rejected" or record.rejection is None:
        return None
    known = {name: getattr(record, name) for name in ("sequence", "source", "content", "times")}
    return record.rejection.model_copy(update=known)


def is_replayable(rejection: DocumentRejected) -> bool:
    """Whether the message was kept, and its stream is one there is."""
    return bool(rejection.message) and rejection.stream in set(Stream)


def remedy(rejection: DocumentRejected) -> str:
    """Return what the person who reads this can do."""
    if not is_replayable(rejection):
        return "Nothing was kept that could be replayed. Mend or replace the file in the inbox: it is then read again."
    if not rejection.error:
        return (
            "The file is at fault. Replace it in the inbox, and it is read again; a replay helps after an update of "
            "Dateline that reads such files."
        )
    return "Dateline is at fault, or what it runs on. Mend the cause or update Dateline, then replay the document."


def is_unreadable(rejection: DocumentRejected) -> bool:
    """Whether nobody could read of which document the message tells; it then stands under an id of its own."""
    return rejection.sequence == 0
