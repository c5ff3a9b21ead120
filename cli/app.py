"""The commands, put together."""

import typer
from typer.core import TyperGroup

from cli.commands import quarantine, rebuild_index, status
from cli.failures import Failure
from cli.surroundings import Surroundings
from cli.terminal import plain

EXIT_CODES = (
    "Exit codes: 0 done; 1 not there, or not possible for all that was asked for; 2 the command line is wrong; "
    "3 Dateline does not answer, or cannot do it for now."
)


class Commands(TyperGroup):
    """Ends a command that fails with one line and its exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            typer.echo(f"dateline: {plain(str(failure))}", err=True)
            raise typer.Exit(failure.code) from failure


def create_app(surroundings: Surroundings) -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(
        cls=Commands,
        help="Ask a running Dateline, and tell it what to do.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        context_settings={"obj": surroundings, "help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,  # errors in plain lines, and no markup in anything
        pretty_exceptions_enable=False,
    )
    app.command("status")(status.status)
    app.add_typer(quarantine.app, name="quarantine")
    app.command("rebuild-index")(rebuild_index.rebuild_index)
    return app
