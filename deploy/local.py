"""`python -m deploy.local`: Dateline on this machine without containers. `make up` calls it.

Everything is checked before anything starts: the data folder is free, the ports are, the inbox is there. Then Redis,
the fetcher, the parser and the indexer run until Ctrl-C. Exits with 2 and one line when it cannot start as set up.
"""

import sys

from deploy.embedded_server import EmbeddedServer
from deploy.runner import Runner, Service
from deploy.surroundings import require_inbox, require_port
from services.fetcher.settings import FetcherSettings
from services.indexer.settings import IndexerSettings
from services.parser.settings import ParserSettings
from shared.errors import SetupError
from shared.settings import load

#: Addresses that mean "every one of this machine's", and the one of them to call.
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  only looked up here


def say(line: str) -> None:
    """Write one line for the person at the terminal."""
    sys.stderr.write(f"dateline: {line}\n")


def main() -> int:
    """Run until a signal; return the exit code."""
    server = None
    try:
        fetcher, parser, indexer = load(FetcherSettings), load(ParserSettings), load(IndexerSettings)
        server = None if fetcher.redis_url else EmbeddedServer(fetcher.data / "redis")
        if server:
            server.lock()
        for inbox in fetcher.inboxes.values():
            require_inbox(inbox)
        host = EVERY_ADDRESS.get(fetcher.host, fetcher.host)
        services = []
        for name, port, setting in (
            ("fetcher", fetcher.fetcher_port, "DATELINE_FETCHER_PORT"),
            ("parser", parser.parser_port, "DATELINE_PARSER_PORT"),
            ("indexer", indexer.port, "DATELINE_PORT"),
        ):
            require_port(fetcher.host, port, setting)
            services.append(Service(name, (sys.executable, "-m", f"services.{name}"), host, port))
        runner = Runner(services, _environment(server), server, say)
        runner.run(on_ready=lambda: _welcome(fetcher, host, indexer.port))
    except SetupError as error:
        say(str(error))
        return 2
    finally:
        if server:
            server.stop()
    return 0


def _environment(server: EmbeddedServer | None) -> dict[str, str]:
    # The same name after a restart, so that a service takes up its own work at once.
    environment = {"DATELINE_REPLICA": "local", "PYTHONUNBUFFERED": "1"}
    return environment | ({"DATELINE_REDIS_URL": server.url} if server else {})


def _welcome(fetcher: FetcherSettings, host: str, port: int) -> None:
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    sys.stdout.write(
        "\nDateline is running.\n\n"
        f"{_inboxes(fetcher)}"
        f"  page    {address}/\n"
        f"  query   curl '{address}/search?q=ceasefire'\n\n"
        "Ctrl-C stops it.\n\n"
    )
    sys.stdout.flush()


def _inboxes(fetcher: FetcherSettings) -> str:
    inboxes = fetcher.inboxes
    if len(inboxes) == 1:
        return f"  inbox   {next(iter(inboxes.values())).resolve()}   drop files here\n"
    return "".join(f"  inbox   {folder.resolve()}   drop files for {name} here\n" for name, folder in inboxes.items())


if __name__ == "__main__":
    sys.exit(main())
