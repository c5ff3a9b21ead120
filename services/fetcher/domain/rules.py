"""Which files in the inbox are not documents: patterns of `.gitignore`'s kind, our own and the users'."""

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

#: The file of a folder's own patterns.
IGNORE_FILE = b".datelineignore"
#: Bytes and lines of an ignore file that are read: more than anybody writes by hand.
MOST_BYTES, MOST_LINES = 65_536, 2_000
#: Names that editors, browsers, desktops and senders leave while they work, and hidden files.
DEFAULTS = (
    ".*", "*.part", "*.partial", "*.crdownload", "*.download", "*.opdownload", "*.filepart", "*.tmp", "*.temp",
    "*.swp", "*.lock", "*~", "~$*", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon?", "__MACOSX/",
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
        lines = tuple(content[:MOST_BYTES].decode("utf-8", "replace").splitlines()[:MOST_LINES]) if content else ()
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
        return known.faults if known else []

    def ignoring(self, path: bytes) -> str | None:
        """Return the pattern by which the file is none of ours, None when it is a document.

        Args:
            path: relative to the inbox; a folder's ends with a slash.
        """
        decided = self._defaults.decide(path)
        for end in _ends_of_folders(path) if self._of else ():
            patterns = self._of.get(path[: max(0, end - 1)])
            decided = (patterns and patterns.decide(path[end:])) or decided
        return decided[1] if decided and decided[0] else None


class _Patterns:
    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.faults: list[str] = []
        self._meant: list[str] = []
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                self._add(number, line)
        self._spec = GitIgnoreSpec.from_lines(self._meant)

    def _add(self, number: int, line: str) -> None:
        try:
            GitIgnoreSpec.from_lines([line])
        except (GitIgnorePatternError, ValueError) as error:
            self.faults.append(f"line {number} is no pattern and is passed over: {line[:80]!r} ({error})")
        else:
            self._meant.append(line)

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
