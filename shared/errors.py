"""The one tree of failures, and their three fates.

Exception
└── DatelineError
    ├── TransientError      a dependency is down: the stage pauses, then tries again; counts against nobody
    ├── RejectedDocument    this document cannot be processed: quarantined at once, with its reason
    └── SetupError          the service cannot start as it is set up: one clear line, exit code 2
anything else               a bug: tried three times in all, then quarantined with its traceback
"""


class DatelineError(Exception):
    """An error this project raises on purpose. Its text is written for the person who reads it."""


class TransientError(DatelineError):
    """Something the stage depends on is away for now."""


class RejectedDocument(DatelineError):  # noqa: N818  a document's fate, named like the event that tells of it
    """The document itself is at fault; the text says why, in words its sender understands."""


class SetupError(DatelineError):
    """Settings, folders or ports are not as the service needs them; the text says what to do."""
