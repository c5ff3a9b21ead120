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
    """Answers each path with what is listed for it, one after the other, the last one for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

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
        app = create_app(Surroundings(httpx.MockTransport(self), self.clock, self.clock.advance))
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
        "rejected": "2026-03-14T09:26:00Z", "replayable": True, **facts,
    }  # fmt: skip


def in_full(**facts: Any) -> dict[str, Any]:
    times = {"accepted": "2026-03-14T09:25:00Z", "fetched": None, "parsed": None, "indexed": None}
    full = {"remedy": "Replace it.", "error": None, "times": times, "original": None, "stream": None, "message": None}
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
