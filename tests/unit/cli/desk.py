"""A Dateline that answers as it is told to, and the command line on it."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from cli.app import create_app
from cli.surroundings import Surroundings
from shared.testing.clock import FakeClock

Answer = httpx.Response | Exception | dict[str, Any]


@dataclass
class FakeDateline:
    """Answers each path with what is listed for it, one after the other, the last one for ever.

    Ctrl-C is pressed `patience` seconds after the command began.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    patience: float = float("inf")
    on_a_terminal: bool = False

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer this so."""
        self.answers[f"{method} {path}"] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers.get(f"{request.method} {request.url.path}")
        if not answers:
            return httpx.Response(404, json={"detail": f"Nothing is at {request.url.path}."})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def run(self, *arguments: str, environment: dict[str, str | None] | None = None) -> Result:
        """Run the command line."""
        begin = self.clock()

        def sleep(seconds: float) -> None:
            self.clock.advance(seconds)
            if self.clock() - begin >= self.patience:
                raise KeyboardInterrupt

        app = create_app(Surroundings(httpx.MockTransport(self), self.clock, sleep, lambda: self.on_a_terminal))
        around = {"DATELINE_URL": None, "DATELINE_PORT": None, "COLUMNS": "200", "TZ": "UTC", **(environment or {})}
        return CliRunner().invoke(app, arguments, env=around)

    def queries(self, path: str) -> list[dict[str, str]]:
        """Return what was asked of this path."""
        return [dict(request.url.params) for request in self.asked if request.url.path == path]


#: What a stranger may call a file: a command to the terminal, markup, a change of direction, a line break.
HOSTILE = "\x1b[2J[bold red]\u202e\nrm"


def rejection(**facts: Any) -> dict[str, Any]:
    return {
        "document_id": "a" * 32, "source": {"inbox": "inbox", "path": "ferry.txt"}, "stage": "parser",
        "reason": "The file is empty", "reason_class": "The file is empty", "deliveries": 1,
        "rejected": "2026-03-14T09:26:00Z", "replayable": True, "locations_total": 1, **facts,
    }  # fmt: skip


def in_full(**facts: Any) -> dict[str, Any]:
    times = {"accepted": "2026-03-14T09:25:00Z", "fetched": None, "parsed": None, "indexed": None}
    full = {
        "remedy": "Replace it.", "error": None, "times": times, "original": None, "stream": None, "message": None,
        "locations": [{"document_id": "a" * 32, "inbox": "inbox", "path": "ferry.txt", "url": None}],
    }  # fmt: skip
    return rejection(**full | facts)


def reasons(*groups: tuple[str, int], **facts: Any) -> dict[str, Any]:
    listed = [
        {"reason": reason, "count": n, "replayable": n, "stages": ["parser"], "newest": "2026-03-14T09:26:00Z"}
        for reason, n in groups
    ]
    return {"total": len(groups), "documents": sum(n for _, n in groups), "reasons": listed, **facts}


def step(replayed: int, left: int, after: str | None, not_replayable: int = 0) -> dict[str, Any]:
    why = "Mend the files." if not_replayable else None
    return {"replayed": replayed, "left": left, "next": after, "not_replayable": not_replayable, "why": why}


def status(**facts: Any) -> dict[str, Any]:
    flight = {"total": 3, "fetcher": 0, "parser": 2, "indexer": 1}
    return {
        "accepted": 10, "indexed": 4, "duplicate": 1, "rejected": 1, "removed": 1, "in_flight": flight, "found": 0,
        "pages": 0, "ignored": 0, "progress": None, "counted": "2026-03-14T09:26:00Z", "searchable": 4, **facts,
    }  # fmt: skip


def quiet(**facts: Any) -> dict[str, Any]:
    flight = {"total": 0, "fetcher": 0, "parser": 0, "indexer": 0}
    return status(accepted=7, in_flight=flight, **facts)


def progress(done: int, total: int) -> dict[str, Any]:
    return {
        "total": total, "done": done, "left": total - done, "percent": done * 1_000 // total / 10, "per_second": 50.0,
        "seconds_left": (total - done) / 50, "started": "2026-03-14T09:26:00Z",
    }  # fmt: skip
