"""What an uploaded file is called, whatever its sender says."""

import re

#: Bytes a file's name may have, as on disk.
LONGEST = 255
#: Of nobody's name.
UNNAMED = "upload"


def file_name(said: str | None) -> str:
    """Return the last part of the name its sender gave, as a file on disk could be called."""
    name = re.split(r"[/\\]", said or "")[-1]
    name = "".join(c for c in name if c.isprintable() or c == "\u200c").strip().lstrip(".")
    while len(name.encode("utf-8", "replace")) > LONGEST - 16:  # room for what tells it apart
        name = name[1:]
    return name.encode("utf-8", "replace").decode() or UNNAMED


def told_apart(name: str, content_hash: str) -> str:
    """Return the name for another file of the same name: `report (1a2b3c4d).pdf`."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem} ({content_hash[:8]}){dot}{ending}" if stem else f"{name} ({content_hash[:8]})"
