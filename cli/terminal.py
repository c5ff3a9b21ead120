"""What is written: for people, with Rich, or as JSON.

Names and texts come from strangers. What a terminal would take for a command (escape sequences, other control
characters, marks that turn the direction of text) is shown as its code, and nothing is read as Rich's markup.
"""

import json
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

Kind = Literal["left", "right", "wide"]

#: Unicode's categories of what is not to be seen: control, format, surrogate, private, unassigned; line and paragraph.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text: str, *, lines: bool = False) -> str:
    r"""Return the text with what is not to be seen as `\x1b` or `\u202e`; with `lines`, line breaks and tabs stay."""
    return "".join(c if _harmless(c) or (lines and c in "\n\t") else _code(c) for c in text)


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in UNSEEN


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class Terminal:
    """Standard output for what was asked, standard error for how it goes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = Console(markup=False, emoji=False, highlight=False)
        self._progress = Console(markup=False, emoji=False, highlight=False, stderr=True)

    def json(self, answer: Any) -> None:
        """Write one JSON document; ASCII, so that it can do nothing to a terminal either."""
        print(json.dumps(answer, indent=2))

    def json_line(self, answer: Any) -> None:
        """Write one JSON document of several, in a line that is there at once."""
        print(json.dumps(answer), flush=True)

    def say(self, line: str = "", style: str = "") -> None:
        """Write a line for people."""
        self._out.print(Text(plain(line), style=style), soft_wrap=True)

    def warn(self, line: str) -> None:
        """Write a line for people beside what was asked for."""
        self._progress.print(Text(plain(line)), soft_wrap=True)

    def screen(self) -> Live:
        """Return the lines that are drawn anew at every update; the last ones stay."""
        return Live(console=self._out, auto_refresh=False)

    def text(self, text: str) -> None:
        """Write lines as they are."""
        self._out.print(Text(plain(text, lines=True)), soft_wrap=True)

    def table(self, columns: Iterable[tuple[str, Kind]], rows: Iterable[Iterable[str]]) -> None:
        """Write a table; a column is its heading and kind (`wide`: takes the room that is left)."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for heading, kind in columns:
            wide = kind == "wide"
            table.add_column(
                heading,
                justify="right" if kind == "right" else "left",
                no_wrap=not wide,
                ratio=1 if wide else None,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        self._out.print(table)

    def progress(self) -> Progress:
        """Return a progress bar; it is not there for programs."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._progress,
            disable=self.as_json or not self._progress.is_terminal,
        )


def moment(text: str | None) -> str:
    """Return the API's time as people here read it: local, to the second."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""
