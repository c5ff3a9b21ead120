"""A failed message as an event that a person can read and replay."""

from shared.contracts import DocumentRejected
from shared.messaging.envelope import FIELD
from shared.messaging.quarantine import rejection
from shared.messaging.take_over import Entry
from shared.streams import Stream

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 3, in parse\n    do()\nValueError: no such date\n'


def rejected(body: bytes, error: Exception, entry: bytes = b"1-0") -> DocumentRejected:
    return rejection(Stream.FETCHED, Entry(entry, {FIELD: body}, deliveries=3), error)


def test_a_message_nobody_can_read_has_the_same_id_when_it_comes_back() -> None:
    """A replay is another entry on the stream, but not another document in quarantine."""
    first, again, other = (
        rejected(body, ValueError(), entry) for body, entry in ((b"\xff", b"1-0"), (b"\xff", b"2-0"), (b"\xfe", b"3-0"))
    )

    assert first.document_id == again.document_id
    assert other.document_id != first.document_id
    assert first.sequence == 0


def test_the_reason_names_what_happened_and_leaves_the_rest_to_the_traceback() -> None:
    """A child's traceback ends with it; of other texts the first line says it."""
    assert "(RuntimeError: ValueError: no such date)" in rejected(b"", RuntimeError(TRACEBACK)).reason
    assert "(RuntimeError: the first)" in rejected(b"", RuntimeError("the first\nthe second")).reason
    assert "(TimeoutError: )" in rejected(b"", TimeoutError()).reason
    assert "no such date" in rejected(b"", RuntimeError(TRACEBACK)).error
