"""Which files in the inbox are not documents."""

from fnmatch import fnmatchcase

#: Names that editors, browsers and desktops leave while they work, and hidden files.
IGNORED_NAMES = (
    ".*", "*.part", "*.partial", "*.crdownload", "*.tmp", "*.swp", "*~", "~$*", "Thumbs.db", "desktop.ini",
)  # fmt: skip


def ignored(path: bytes) -> bool:
    """Whether the file, or a folder above it, has a name that is never a document's."""
    return any(
        fnmatchcase(part, pattern) for part in path.decode("utf-8", "replace").split("/") for pattern in IGNORED_NAMES
    )
