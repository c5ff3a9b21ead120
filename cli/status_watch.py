"""Looks at the state of things again and again: on a screen that is drawn anew, or with a line for each change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.failures import Unavailable
from cli.service import Service
from cli.status_answers import Status
from cli.surroundings import Surroundings
from cli.terminal import Terminal, plain

#: Seconds between two looks: no more than a line a second is written.
LOOK_SECONDS = 1.0
#: Seconds a bulk may take to be seen. Files must settle, and a folder is looked through, before there is one.
BEGIN_SECONDS = 5.0
#: Characters of the bar.
BAR_WIDTH = 50


class View(Protocol):
    """Shows what was seen."""

    def show(self, status: Status) -> None:
        """Show how things are."""
        ...

    def away(self, failure: Unavailable) -> None:
        """Show that there is no answer for now."""
        ...


def watch(service: Service, around: Surroundings, view: View, *, until_done: bool) -> None:
    """Look until what is under way is done, or for ever.

    Nothing ends it but that: a service that is away is asked again. Where nothing is under way, `until_done` waits a
    few seconds for something to begin.

    Raises:
        Failure: what answers does not know the question.
        KeyboardInterrupt: a person has seen enough.
    """
    begun, since = False, around.now()
    while True:
        try:
            status = service.get(Status, "/status")
        except Unavailable as failure:
            view.away(failure)
            since = around.now()
        else:
            view.show(status)
            begun = begun or status.left > 0
            if until_done and not status.left and (begun or around.now() - since >= BEGIN_SECONDS):
                return
        around.sleep(LOOK_SECONDS)


@contextmanager
def view_of(terminal: Terminal, around: Surroundings) -> Iterator[View]:
    """Yield the view that suits who reads it: a person at a terminal, a file, a program."""
    if terminal.as_json or not around.is_terminal():
        yield _Lines(terminal)
        return
    with terminal.screen() as live:
        screen = _Screen(live)
        try:
            yield screen
        finally:
            screen.end()


class _Lines:
    """A line for each change; on standard error, once, that there is no answer."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last: Any = None
        self._away = False

    def show(self, status: Status) -> None:
        # `counted` is another one at every look.
        seen = {**status.as_json(), "counted": None} if self._terminal.as_json else status.line
        if seen != self._last or self._away:
            if self._terminal.as_json:
                self._terminal.json_line(status.as_json())
            else:
                self._terminal.say(status.line)
        self._last, self._away = seen, False

    def away(self, failure: Unavailable) -> None:
        if not self._away:
            self._terminal.warn(f"dateline: {failure} Trying again …")
        self._away = True


class _Screen:
    """The numbers, and a bar while there is something to do."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._last: list[RenderableType] = []

    def show(self, status: Status) -> None:
        self._last = [_numbers(status), *_bar(status)]
        self._draw("Ctrl-C ends this view; the work goes on.", "dim")

    def away(self, failure: Unavailable) -> None:
        self._draw(f"{failure} Trying again …", "bold red")

    def end(self) -> None:
        """Leave the last numbers there."""
        self._live.update(Group(*self._last), refresh=True)

    def _draw(self, note: str, style: str) -> None:
        self._live.update(Group(*self._last, Text(plain(note), style=style)), refresh=True)


def _numbers(status: Status) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, (number, more) in status.rows.items():
        table.add_row(Text(name), Text(f"{number:,}", style="bold"), Text(more))
    return table


def _bar(status: Status) -> Iterator[RenderableType]:
    if status.progress:
        lines = Table.grid()
        lines.add_row(ProgressBar(total=max(status.progress.total, 1), completed=status.progress.done, width=BAR_WIDTH))
        lines.add_row(Text(status.progress.text))
        yield lines
