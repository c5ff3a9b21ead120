"""`dateline status [--watch]`: where the documents are, and how far what came together is."""

from typing import Annotated

import typer

from cli.failures import Failure
from cli.options import AsJson, Url
from cli.service import Service
from cli.status_answers import Status
from cli.status_watch import view_of, watch
from cli.surroundings import surroundings
from cli.terminal import Terminal

#: Seconds for an answer: it takes milliseconds at the other end, and who watches wants to know that there is none.
ANSWER_SECONDS = 5.0


def status(
    context: typer.Context,
    *,
    url: Url,
    watching: Annotated[
        bool, typer.Option("--watch", help="Go on until Ctrl-C; without a terminal, write a line for each change.")
    ] = False,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Watch, and end once nothing is left to do.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell how many documents are in which state, what is under way, and how far that is.

    With --watch a service that is away is asked again until it answers, and Ctrl-C ends with exit code 0.
    With --until-done it is 0 when all is done, and 1 when Ctrl-C came before.
    """
    terminal, around = Terminal(as_json=as_json), surroundings(context)
    with Service(url, around, answer_seconds=ANSWER_SECONDS) as service:
        if not (watching or until_done):
            _show(terminal, service.get(Status, "/status"))
            return
        try:
            with view_of(terminal, around) as view:
                watch(service, around, view, until_done=until_done)
        except KeyboardInterrupt as interrupt:
            if until_done:
                raise Failure("Stopped watching before all was done; the work goes on.") from interrupt


def _show(terminal: Terminal, found: Status) -> None:
    if terminal.as_json:
        terminal.json(found.as_json())
        return
    width = max(len(f"{number:,}") for number, _ in found.rows.values())
    for name, (number, more) in found.rows.items():
        terminal.say(f"{name:<11} {number:>{width},}  {more}".rstrip())
    if found.progress:
        terminal.say(f"{'progress':<11} {found.progress.text}")
