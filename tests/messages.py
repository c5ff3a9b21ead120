"""Messages for tests of delivery: what they say does not matter, only that none is lost or doubled."""

from datetime import UTC, datetime

from shared.contracts import BlobRef, DocumentFetched, Source, StageTimes


def fetched(number: int) -> DocumentFetched:
    """Return the document of this number, which is its sequence, too."""
    return DocumentFetched(
        document_id=f"{number:032x}",
        sequence=number,
        source=Source(path=f"été-{number}.txt"),
        content=BlobRef(sha256="0" * 64, size=1),
        times=StageTimes(accepted=datetime(2026, 1, 2, tzinfo=UTC)),
    )
