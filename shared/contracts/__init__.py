"""The messages services pass to each other, and nothing else: no I/O, no settings."""

from shared.contracts.accounting import LedgerCounts, StageBacklog
from shared.contracts.events import (
    Attempt,
    BlobRef,
    DocumentChanged,
    DocumentDuplicated,
    DocumentFetched,
    DocumentMoved,
    DocumentParsed,
    DocumentRejected,
    DocumentRemoved,
    DocumentSettled,
    Event,
    InlineText,
    SettledState,
    Source,
    StageTimes,
    Trace,
)
from shared.contracts.parsed import CutBlock, CutKind, ParsedDocument

__all__ = [
    "Attempt",
    "BlobRef",
    "CutBlock",
    "CutKind",
    "DocumentChanged",
    "DocumentDuplicated",
    "DocumentFetched",
    "DocumentMoved",
    "DocumentParsed",
    "DocumentRejected",
    "DocumentRemoved",
    "DocumentSettled",
    "Event",
    "InlineText",
    "LedgerCounts",
    "ParsedDocument",
    "SettledState",
    "Source",
    "StageBacklog",
    "StageTimes",
    "Trace",
]
