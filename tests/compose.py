"""Dateline in containers, under another name than the one a person runs, so that the two never meet."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.processes import ROOT, free_port
from tests.scenario import Dateline

PROJECT = "dateline-tests"
SERVICES = ("redis", "fetcher", "parser", "indexer")


class ComposedDateline:
    """The compose file, built, started and healthy; gone with its volumes at the end.

    Args:
        inbox: the folder mounted as the inbox.
        settings_file: where to write what compose is told.
    """

    def __init__(self, inbox: Path, settings_file: Path) -> None:
        from testcontainers.compose import DockerCompose  # noqa: PLC0415  only where there is an engine

        port = free_port()
        settings = {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "DATELINE_INBOX": inbox,
            "DATELINE_PORT": port,
            "DATELINE_FETCHER_PORT": free_port(),
            "DATELINE_PARSER_WORKERS": 2,
        }
        self._settings = settings_file
        settings_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.dateline = Dateline(inbox, f"http://127.0.0.1:{port}")
        self._compose = DockerCompose(str(ROOT), build=True, wait=True, env_file=str(settings_file))

    def __enter__(self) -> Self:
        self._compose.stop()  # what an earlier run left when it was killed
        try:
            self._compose.start()
        except BaseException:
            print(self.command("logs", "--tail", "40"))
            self._compose.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._compose.stop()

    def command(self, *arguments: str) -> str:
        """Return what `docker compose …` prints."""
        return _output("docker", "compose", "--env-file", str(self._settings), *arguments)

    def execute(self, service: str, *command: str) -> str:
        """Return what the command prints in the service's container."""
        return self.command("exec", "--no-TTY", service, *command)

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what the engine says about the service's container."""
        (container,) = json.loads(_output("docker", "inspect", self.command("ps", "--quiet", service).strip()))
        found: dict[str, Any] = container
        return found

    def restart(self) -> Dateline:
        """Stop every container and start it again."""
        self.command("stop")
        self.command("up", "--detach", "--wait")
        return self.dateline


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr if done.returncode else done.stdout
