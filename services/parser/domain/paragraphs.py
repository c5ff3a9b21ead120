"""Lines to paragraphs: undoes hard wrapping, and leaves text of one paragraph a line alone."""

import re
from itertools import pairwise

#: Columns a text may be wrapped at. Below, it is verse or a list; above, lines are paragraphs of their own.
_NARROWEST, _WIDEST = 35, 120
#: Share of lines that must be full before a text counts as wrapped. Wrapped prose has 0.8 and more, other
#: text 0.3.
_WRAPPED = 0.6
#: Lines that begin like a record (digit, bullet) or a name more often than this are a table or a list.
_NEW_BEGINNINGS = 0.7
_BEGINS_RECORD = re.compile(r"[\d•*\-–—|#>]")


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a clean text, each on one line, none empty."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    width = _wrap_width(lines)
    blocks: list[str] = []
    previous = ""
    for line in lines:
        if line and previous and width and _is_full(previous, line, width):
            blocks[-1] += _joint(previous, line) + line
        elif line:
            blocks.append(line)
        previous = line
    return blocks


def _wrap_width(lines: list[str]) -> int:
    """Return the column the text is wrapped at, or 0 where it is not wrapped."""
    pairs = [(line, after) for line, after in pairwise(lines) if line and after]
    if len(pairs) < 2:
        return 0
    lengths = sorted(len(line) for line in lines if line)
    width = lengths[int(0.98 * (len(lengths) - 1))]  # a long web address may stick out
    if not _NARROWEST <= width <= _WIDEST:
        return 0
    full = [after for line, after in pairs if _is_full(line, after, width)]
    begun_anew = sum(after[0].isupper() or bool(_BEGINS_RECORD.match(after)) for after in full)
    wrapped = len(full) >= _WRAPPED * len(pairs) and begun_anew <= _NEW_BEGINNINGS * len(full)
    return width if wrapped else 0


def _is_full(line: str, after: str, width: int) -> bool:
    """Tell whether the next line's first word would not have fitted on this one."""
    first_word = after.split(" ", 1)[0]
    return len(line) + 1 + len(first_word) > width


def _joint(line: str, after: str) -> str:
    """Return what stood at the line's end: nothing between Chinese or Japanese characters, else a space."""
    return "" if min(line[-1], after[0]) >= "\u2e80" and max(line[-1], after[0]) < "\uac00" else " "
