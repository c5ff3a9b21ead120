"""A document as the indexer keeps it."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import AwareDatetime

from shared.contracts import BlobRef, DocumentRejected, ParsedDocument, SettledState, Source, StageTimes, Trace
from shared.contracts.events import Value

State = SettledState


class DocumentRecord(Value):
    """Everything known of one document; `sequence` is that of the last event applied to it.

    `parsed` is there for `indexed`, `duplicate_of` for `duplicate`, `rejection` for `rejected` (and `parsed`, too, when
    what was rejected is a change of an indexed one). A removed document is kept as its sequence alone, so that an
    older event that comes late does not bring it back.
    """

    document_id: str
    sequence: int
    state: State
    source: Source | None = None
    content: BlobRef | None = None
    modified: AwareDatetime | None = None
    times: StageTimes | None = None
    trace: Trace = ()
    parser_version: str | None = None
    parsed: ParsedDocument | None = None
    duplicate_of: str | None = None
    rejection: DocumentRejected | None = None


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document in a list: its record without the text."""

    record: DocumentRecord
    title: str | None


def split_by_state(records: Iterable[DocumentRecord]) -> tuple[list[DocumentRecord], list[str]]:
    """Return what a search index has to hold, and the ids of what it must not."""
    upserts: list[DocumentRecord] = []
    deletes: list[str] = []
    for record in records:
        if record.state == "indexed":
            upserts.append(record)
        else:
            deletes.append(record.document_id)
    return upserts, deletes
