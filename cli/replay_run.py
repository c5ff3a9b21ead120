"""A replay of any number of documents, a bounded step a request.

The service puts back what there is room for and says where to go on; a step whose answer was lost is asked for again,
which harms nothing: a document that is replayed twice is kept once.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.progress import Progress, TaskID

from cli.failures import Failure, Unavailable
from cli.quarantine_answers import ReplayAnswer, Replayed
from cli.service import Service
from cli.surroundings import Surroundings
from cli.terminal import Terminal

#: Seconds before a step is asked for again when there was no room, or no answer.
PAUSE_SECONDS = 1.0
#: Seconds without progress after which a run gives up: a full stream moves within seconds when it is worked on.
PATIENCE_SECONDS = 120.0


@dataclass
class Summary:
    """What a run did. `failed` says for single documents why they were not put back."""

    replayed: int = 0
    not_replayable: int = 0
    why: str | None = None
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def incomplete(self) -> bool:
        """Whether something that was meant was not put back."""
        return bool(self.not_replayable or self.failed)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


class Run:
    """One replay."""

    def __init__(self, service: Service, surroundings: Surroundings, terminal: Terminal) -> None:
        self._service = service
        self._around = surroundings
        self._terminal = terminal
        self._last_progress = surroundings.now()

    def some(self, document_ids: Sequence[str]) -> Summary:
        """Put back these. Raises `Unavailable` when the service stays away."""
        summary = Summary()
        with self._terminal.progress() as progress:
            bar = progress.add_task("replaying", total=len(document_ids), note="")
            for document_id in dict.fromkeys(document_ids):
                try:
                    self._one(document_id, summary)
                except Unavailable as failure:
                    raise _interrupted(failure, summary) from failure
                progress.advance(bar)
        return summary

    def _one(self, document_id: str, summary: Summary) -> None:
        while True:
            try:
                self._service.post(Replayed, f"/quarantine/{document_id}/replay")
            except Unavailable as failure:
                self._wait(failure, begun=summary.replayed > 0)
            except Failure as failure:
                summary.failed[document_id] = str(failure)
                return
            else:
                summary.replayed += 1
                self._last_progress = self._around.now()
                return

    def matching(self, *, reason: str | None, stage: str | None, every: bool) -> Summary:
        """Put back all that fit. Raises `Unavailable` when the service stays away, or there is no room for long."""
        which = {"reason": reason, "stage": stage, "all": "true" if every else None}
        summary = Summary()
        after: str | None = ""
        with self._terminal.progress() as progress:
            bar = progress.add_task("replaying", total=None, note="")
            try:
                while after is not None:
                    after = self._step(which, after, summary, progress, bar)
            except Unavailable as failure:
                raise _interrupted(failure, summary) from failure
        return summary

    def _step(
        self, which: dict[str, str | None], after: str, summary: Summary, progress: Progress, bar: TaskID
    ) -> str | None:
        """Ask for the next documents; return where to go on."""
        try:
            answer = self._service.post(ReplayAnswer, "/quarantine/replay", **which, after=after)
        except Unavailable as failure:
            self._wait(failure, begun=after != "")
            return after
        summary.replayed += answer.replayed
        summary.not_replayable, summary.why = answer.not_replayable, answer.why
        note = "" if answer.replayed else "waiting for room on the streams"
        progress.update(bar, completed=summary.replayed, total=summary.replayed + answer.left, note=note)
        if answer.replayed:
            self._last_progress = self._around.now()
        elif answer.next is not None:
            self._wait(Unavailable("There is no room on the streams; are the parser and the indexer running?"))
        return answer.next

    def _wait(self, failure: Unavailable, *, begun: bool = True) -> None:
        """Pause before the next try; raise the failure when there is no point in it any more."""
        if not begun or self._around.now() - self._last_progress > PATIENCE_SECONDS:
            raise failure
        self._around.sleep(PAUSE_SECONDS)


def _interrupted(failure: Unavailable, summary: Summary) -> Unavailable:
    if not summary.replayed:
        return failure
    return Unavailable(f"{failure} {summary.replayed:,} were put back before; the same command goes on with the rest.")
