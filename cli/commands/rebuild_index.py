"""`dateline rebuild-index`: the search index is made anew from the documents, while a person watches."""

import typer
from rich.progress import Progress, TaskID

from cli.failures import Failure, Unavailable
from cli.options import AsJson, Url
from cli.service import Answer, Service
from cli.surroundings import Surroundings, surroundings
from cli.terminal import Terminal
from cli.words import duration, rate

REBUILD = "/index/rebuild"
#: Seconds between two looks.
LOOK_SECONDS = 0.5
#: Seconds without progress after which the rebuild counts as stuck; a commit of 5,000 documents takes a few.
PATIENCE_SECONDS = 300.0
#: Seconds the service may be away meanwhile, for example because it is restarted.
AWAY_SECONDS = 30.0


class Begun(Answer):
    """How many documents there are to index."""

    documents: int


class State(Answer):
    """How far a rebuild is; `seconds_left` is None while nobody can tell."""

    running: bool
    documents: int
    done: int
    per_second: float
    seconds_left: float | None

    @property
    def rate(self) -> str:
        """Documents a second, in words."""
        return rate(self.per_second)

    @property
    def note(self) -> str:
        """Rate and time left, in words."""
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        return f"{self.rate}{left}"


def rebuild_index(context: typer.Context, url: Url, as_json: AsJson = False) -> None:
    """Make the search index anew from the documents, and stay until it is done."""
    terminal, around = Terminal(as_json=as_json), surroundings(context)
    with Service(url, around) as service, terminal.progress() as progress:
        bar = progress.add_task("indexing", total=_begin(service), note="")
        state = Watch(service, around).follow(progress, bar)
    if as_json:
        terminal.json(state.model_dump(mode="json"))
    if state.done < state.documents:
        raise Failure(f"It ended after {state.done:,} of {state.documents:,} documents; the indexer's log says why.")
    if not as_json:
        terminal.say(f"Done: {state.done:,} documents, {state.rate}.")


def _begin(service: Service) -> int:
    """Begin a rebuild, or join the one that runs; return how many documents it has."""
    try:
        return service.post(Begun, REBUILD).documents
    except Unavailable:
        raise
    except Failure:
        state = service.get(State, REBUILD)
        if state.running:
            return state.documents
        raise


class Watch:
    """Looks at a rebuild until it is over."""

    def __init__(self, service: Service, surroundings: Surroundings) -> None:
        self._service = service
        self._around = surroundings
        self._done = -1
        self._last_progress = self._last_answer = surroundings.now()

    def follow(self, progress: Progress, bar: TaskID) -> State:
        """Return its last state. Raises `Unavailable` when the service stays away, or nothing moves any more."""
        while True:
            state = self._look()
            if state is not None:
                progress.update(bar, completed=state.done, total=state.documents, note=state.note)
                if not state.running:
                    return state
            self._around.sleep(LOOK_SECONDS)

    def _look(self) -> State | None:
        now = self._around.now()
        try:
            state = self._service.get(State, REBUILD)
        except Unavailable:
            if now - self._last_answer > AWAY_SECONDS:
                raise
            return None
        self._last_answer = now
        if state.done != self._done:
            self._done, self._last_progress = state.done, now
        elif state.running and now - self._last_progress > PATIENCE_SECONDS:
            raise Unavailable(
                f"Nothing moves any more, at {state.done:,} of {state.documents:,}; see the indexer's log."
            )
        return state
