"""Which files in the inbox are not documents: patterns of `.gitignore`'s kind, our own and the users'."""

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from services.fetcher.domain.ignore_pattern import has_wildcards, ignore_pattern

#: The file of a folder's own patterns.
IGNORE_FILE = b".datelineignore"
#: Bytes and lines of an ignore file that are read: more than anybody writes by hand.
MOST_BYTES, MOST_LINES = 65_536, 2_000
#: Bytes of a file's patterns with wildcards, each counted for at least 8. Measured on paths of 4,096 bytes made to fit
#: badly: the worst 2,048 bytes of patterns take 70 ms, most less than 30, and 2,000 lines without wildcards 20 ms. On
#: the path of an ordinary file all of them take 0.3 ms.
MOST_WILDCARD_BYTES, LEAST_COUNTED = 2_048, 8
#: Ignore files that speak of one path: each takes its time.
MOST_FILES = 8
#: Names that editors, browsers, desktops and senders leave while they work, and hidden files.
DEFAULTS = (
    ".*", "*.part", "*.partial", "*.crdownload", "*.download", "*.opdownload", "*.filepart", "*.tmp", "*.temp",
    "*.swp", "*.lock", "*~", "~$*", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon[\r]", "__MACOSX/",
    "$RECYCLE.BIN/", "System Volume Information/", "lost+found/", "@eaDir/", "\\#recycle/",
)  # fmt: skip


class Rules:
    """The default patterns, and those of the `.datelineignore` files, each for its folder and what is beneath.

    As with git, the last pattern that matches decides, a folder's own after those of the folders above it, and `!`
    takes a file back in; nothing beneath an ignored folder is looked at.

    `version` grows with every change of a pattern.
    """

    def __init__(self) -> None:
        self.version = 0
        self._defaults = _Patterns(DEFAULTS)
        self._of: dict[bytes, _Patterns] = {}

    def read(self, folder: bytes, content: bytes | None) -> None:
        """Take the content of the folder's ignore file, None when it has none."""
        lines = tuple(content[:MOST_BYTES].decode("utf-8", "replace").splitlines()[: MOST_LINES + 1]) if content else ()
        known = self._of.get(folder)
        if lines == (known.lines if known else ()):
            return
        self.version += 1
        if lines:
            self._of[folder] = _Patterns(lines)
        else:
            del self._of[folder]

    def faults(self, folder: bytes) -> list[str]:
        """Return in words what of the folder's own patterns is passed over."""
        known = self._of.get(folder)
        in_folder = folder + b"/-" if folder else b"-"
        if known and len(self._of_path(in_folder)) > MOST_FILES:
            return [f"more than {MOST_FILES} ignore files speak of what is in this folder; this one is passed over"]
        return known.faults if known else []

    def ignoring(self, path: bytes) -> str | None:
        """Return the pattern by which the file is none of ours, None when it is a document.

        Args:
            path: relative to the inbox; a folder's ends with a slash.
        """
        decided = self._defaults.decide(path)
        for patterns, beneath in self._of_path(path)[:MOST_FILES]:
            decided = patterns.decide(beneath) or decided
        return decided[1] if decided and decided[0] else None

    def _of_path(self, path: bytes) -> list[tuple["_Patterns", bytes]]:
        """Return what speaks of the path, from the inbox down, with the path beneath each."""
        ends = _ends_of_folders(path) if self._of else ()
        return [(known, path[end:]) for end in ends if (known := self._of.get(path[: max(0, end - 1)]))]


class _Patterns:
    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.faults: list[str] = []
        self._meant: list[str] = []
        self._wildcard_bytes = 0
        patterns: list[GitIgnoreSpecPattern] = []
        for number, line in enumerate(lines[:MOST_LINES], start=1):
            if line.strip() and not line.startswith("#"):
                self._add(number, line, patterns)
        if len(lines) > MOST_LINES:
            self.faults.append(f"what follows line {MOST_LINES:,} is passed over")
        self._spec = GitIgnoreSpec(patterns, backend="simple")

    def _add(self, number: int, line: str, patterns: list[GitIgnoreSpecPattern]) -> None:
        if has_wildcards(line) and not self._has_room(number, line):
            return
        try:
            patterns.append(ignore_pattern(line))
        except ValueError as error:
            self.faults.append(f"line {number} is no pattern and is passed over: {line[:80]!r} ({error})")
        else:
            self._meant.append(line)

    def _has_room(self, number: int, line: str) -> bool:
        before = self._wildcard_bytes
        self._wildcard_bytes += max(LEAST_COUNTED, len(line))
        if before <= MOST_WILDCARD_BYTES < self._wildcard_bytes:
            what = f"the patterns with *, ? or [ have more than {MOST_WILDCARD_BYTES:,} bytes"
            self.faults.append(f"{what}; from line {number} on they are passed over")
        return self._wildcard_bytes <= MOST_WILDCARD_BYTES

    def decide(self, path: bytes) -> tuple[bool, str] | None:
        """Return whether the file is ignored, and the line that says so; None when no line does."""
        match = self._spec.check_file(path.decode("utf-8", "surrogateescape"))
        if match.include is None or match.index is None:
            return None
        return match.include, self._meant[match.index]


def _ends_of_folders(path: bytes) -> list[int]:
    """Return where the path beneath each of its folders begins, the inbox itself first."""
    beneath = path.rstrip(b"/")
    return [0, *(i + 1 for i, byte in enumerate(beneath) if byte == ord("/"))]
