"""A line of an ignore file as a pattern of pathspec's, matched in a time that grows with the path, not with its powers.

pathspec tries each `*` at every length: `*a*a*a*a*b` on a name of 250 letters takes 16 s. But what stands between two
`*` has a fixed length, so that its first occurrence is as good as any later one, and so it is with the names between
two `**`. Here each is looked for once, and what was found is not given back.
"""

import re
from itertools import count, groupby

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

#: The group by which pathspec sees that a folder above the file was matched.
FOLDER = "(?P<ps_d>/)"
#: pathspec's expressions for patterns of nothing but `*`, `**` and `/`, which try nothing twice.
OF_EVERYTHING = (".", "/", FOLDER)
#: One element of a name's pattern.
ELEMENT = re.compile(r"\\(?P<escaped>.)|\[(?P<negated>[!^]?)(?P<among>\]?[^\]]*)\]|(?P<plain>.)", re.DOTALL)
RANGE_OR_ONE = re.compile("(.)-(.)|(.)", re.DOTALL)


def ignore_pattern(line: str) -> GitIgnoreSpecPattern:
    """Return what the line means; nothing, where it is a comment or git passes it over, too.

    Raises:
        ValueError: it is no pattern.
    """
    regex, include = GitIgnoreSpecPattern.pattern_to_regex(line)
    if regex is None:
        return GitIgnoreSpecPattern(None)
    if regex not in OF_EVERYTHING:
        text = line if line.endswith("\\ ") else line.rstrip()
        regex = _Translation().of(text if include else text[1:])
    try:
        return GitIgnoreSpecPattern(re.compile(regex, re.DOTALL), include)
    except re.error as error:  # a range from its end to its beginning
        raise ValueError(error.msg) from error


def has_wildcards(line: str) -> bool:
    """Whether anything in it has to be looked for."""
    return any(mark in line for mark in "*?[")


class _Translation:
    """Makes one regular expression."""

    def __init__(self) -> None:
        self._groups = count()

    def of(self, pattern: str) -> str:
        anywhere, names, beneath = _parts(pattern)
        end = f"(?:{FOLDER}|\\Z)" if not beneath else FOLDER if pattern.endswith("/") else "/"
        *before, last = ["/".join(map(self._name, run)) for run in names]
        if not before:
            return f"^(?:.+/)?{last}{end}" if anywhere else f"^{last}{end}"
        top = "" if anywhere else f"{before.pop(0)}/"
        between = "".join(self._first(f"(?:[^/]+/)*?{run}/") for run in before)
        return f"^{top}{between}(?:.+/)?{last}{end}"

    def _name(self, pattern: str) -> str:
        """Return the expression for the name of one file or folder."""
        if pattern == "*":
            return "[^/]+"
        runs = [""]
        for element in ELEMENT.finditer(pattern):
            if element["plain"] == "*":
                runs.append("")
            else:
                runs[-1] += _expression(element)
        begin, *between = runs
        end = f"[^/]*{between.pop()}" if between else ""
        return begin + "".join(self._first(f"[^/]*?{run}") for run in between if run) + end

    def _first(self, expression: str) -> str:
        """Return what matches as the expression does at first, and is never tried again.

        An atomic group says the same, but those of Python 3.11.0 to 3.11.4 match too little.
        """
        group = f"g{next(self._groups)}"
        return f"(?=(?P<{group}>{expression}))(?P={group})"


def _parts(pattern: str) -> tuple[bool, list[list[str]], bool]:
    """Return whether it may begin in any folder; its names, cut at `**`; whether it speaks of what lies beneath."""
    names = pattern.split("/")
    if not names[0]:
        del names[0]
    elif len(names) == 1 or names[1:] == [""]:
        names.insert(0, "**")
    if not names[-1]:
        names[-1] = "**"
    runs = [list(run) for is_gap, run in groupby(names, lambda name: name == "**") if not is_gap]
    return names[0] == "**", runs, names[-1] == "**"


def _expression(element: re.Match[str]) -> str:
    if element["among"] is not None:
        among = RANGE_OR_ONE.sub(_range_or_one, element["among"])
        return f"[^/{among}]" if element["negated"] else f"(?!/)[{among}]"
    if element["plain"] == "?":
        return "[^/]"
    return re.escape(element["plain"] or element["escaped"])


def _range_or_one(found: re.Match[str]) -> str:
    first, last, one = found.groups()
    return re.escape(one) if one else f"{re.escape(first)}-{re.escape(last)}"
