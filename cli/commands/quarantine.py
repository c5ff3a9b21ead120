"""`dateline quarantine list|show|replay`: what was rejected, why, and another try."""

from typing import Annotated

import typer

from cli import replay_run
from cli.failures import NOT_DONE, UsageFailure
from cli.options import AsJson, Url
from cli.quarantine_answers import QuarantinedInFull, QuarantineList, ReasonList
from cli.reasons import find_reason
from cli.service import Service
from cli.surroundings import surroundings
from cli.terminal import Kind, Terminal, moment

app = typer.Typer(help="What was rejected, why, and another try.", no_args_is_help=True, rich_markup_mode=None)

Reason = Annotated[
    str | None, typer.Option("--reason", help="Only those rejected for this reason; a part of it will do.")
]
Stage = Annotated[str | None, typer.Option("--stage", help="Only those rejected by the fetcher, parser or indexer.")]
#: Other places of one document that are shown: as many as fit on a screen.
MOST_PLACES = 20
DOCUMENT_ID = r"32 hex digits, as `dateline quarantine list --all` gives them"


@app.command("list")
def list_quarantine(  # noqa: PLR0913  a command's options
    context: typer.Context,
    *,
    url: Url,
    reason: Reason = None,
    stage: Stage = None,
    every: Annotated[bool, typer.Option("--all", help="List the documents instead of the reasons.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="With --all: documents to list.")] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0, max=1_000_000, help="With --all: how many to skip.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Count what was rejected by reason, or list it."""
    terminal = Terminal(as_json=as_json)
    with Service(url, surroundings(context)) as service:
        which = {"reason": find_reason(service, reason, stage), "stage": stage}
        if every:
            documents = service.get(QuarantineList, "/quarantine", **which, limit=limit, offset=offset)
            found = documents.total
            _show_documents(terminal, documents, offset)
        else:
            reasons = service.get(ReasonList, "/quarantine/reasons", **which)
            found = reasons.documents
            _show_reasons(terminal, reasons)
    if not found and (reason or stage):
        raise typer.Exit(NOT_DONE)


@app.command("show")
def show(
    context: typer.Context,
    document_id: Annotated[str, typer.Argument(metavar="ID", help=DOCUMENT_ID)],
    url: Url,
    as_json: AsJson = False,
) -> None:
    """Show all there is to know of one rejection."""
    terminal = Terminal(as_json=as_json)
    with Service(url, surroundings(context)) as service:
        _require_id(document_id)
        found = service.get(QuarantinedInFull, f"/quarantine/{document_id}")
        original = service.address_of(found.original) if found.original else ""
    if as_json:
        terminal.json(found.model_dump(mode="json"))
        return
    times = {} if found.times is None else found.times.model_dump()
    facts = {
        "document": found.document_id,
        "file": found.path,
        "reason": found.reason,
        "what to do": found.remedy,
        "stage": f"{found.stage}, {found.tries}",
        "rejected": moment(found.rejected),
        **{name: moment(value) for name, value in times.items()},
        "original": original,
    }
    for name, value in facts.items():
        if value:
            terminal.say(f"{name:<11} {value}")
    _show_places(terminal, found)
    if found.error:
        terminal.say()
        terminal.text(found.error)


@app.command("replay")
def replay(  # noqa: PLR0913  a command's options
    context: typer.Context,
    *,
    url: Url,
    document_ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help=DOCUMENT_ID)] = None,
    reason: Reason = None,
    stage: Stage = None,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have documents processed once more: some by their ID, those of a reason or a stage, or all."""
    if bool(document_ids) + bool(reason or stage) + every != 1:
        raise UsageFailure("Say which documents: ID…, --reason and --stage, or --all for all there are.")
    for document_id in document_ids or ():
        _require_id(document_id)
    terminal, around = Terminal(as_json=as_json), surroundings(context)
    with Service(url, around) as service:
        run = replay_run.Run(service, around, terminal)
        if document_ids:
            summary = run.some(document_ids)
        else:
            summary = run.matching(reason=find_reason(service, reason, stage), stage=stage, every=every)
    _show_summary(terminal, summary)
    if summary.incomplete or not (summary.replayed or every):
        raise typer.Exit(NOT_DONE)


def _require_id(document_id: str) -> None:
    if len(document_id) != 32 or set(document_id) - set("0123456789abcdef"):
        raise UsageFailure(f"{document_id} is no document's ID: it has {DOCUMENT_ID}.")


def _show_reasons(terminal: Terminal, found: ReasonList) -> None:
    if terminal.as_json:
        terminal.json(found.model_dump(mode="json"))
        return
    columns: list[tuple[str, Kind]] = [
        ("documents", "right"),
        ("replayable", "right"),
        ("by", "left"),
        ("last", "left"),
        ("reason", "wide"),
    ]
    rows = [
        (f"{group.count:,}", f"{group.replayable:,}", ", ".join(group.stages), moment(group.newest), group.reason)
        for group in found.reasons
    ]
    if not rows:
        terminal.say("Nothing is in quarantine." if not found.documents else "")
        return
    terminal.table(columns, rows)
    if found.total > len(rows):
        terminal.say(f"… and {found.total - len(rows):,} more reasons.")


def _show_documents(terminal: Terminal, found: QuarantineList, offset: int) -> None:
    if terminal.as_json:
        terminal.json(found.model_dump(mode="json"))
        return
    for document in found.quarantined:
        replayable = "" if document.replayable else "  not replayable"
        terminal.say(
            f"{document.document_id}  {moment(document.rejected)}  {document.stage}, {document.tries}{replayable}"
        )
        terminal.say(f"    {document.path}{document.also_at and f'  {document.also_at}'}")
        terminal.say(f"    {document.reason}")
    shown = offset + len(found.quarantined)
    if not found.total:
        terminal.say("Nothing is in quarantine.")
    elif shown < found.total:
        terminal.say(f"{shown:,} of {found.total:,}; the next: --offset {shown}")


def _show_places(terminal: Terminal, found: QuarantinedInFull) -> None:
    if not found.also_at:
        return
    others = found.locations[1:]
    terminal.say(f"\nThe same bytes lie {found.also_at}:")
    for place in others[:MOST_PLACES]:
        terminal.say(f"    {place.path}  in the inbox {place.inbox}")
    if (left := found.locations_total - 1 - len(others[:MOST_PLACES])) > 0:
        terminal.say(f"    … and {left:,} more; --json lists up to 1,000.")


def _show_summary(terminal: Terminal, summary: replay_run.Summary) -> None:
    if terminal.as_json:
        terminal.json(summary.as_json())
        return
    if not summary.replayed and not summary.incomplete:
        terminal.say("Nothing to replay is in quarantine.")
        return
    terminal.say(f"Put back: {summary.replayed:,}. What fails again comes back to `dateline quarantine list`.")
    if summary.not_replayable:
        terminal.say(f"Cannot be replayed: {summary.not_replayable:,}. {summary.why or ''}".rstrip())
    for document_id, why in summary.failed.items():
        terminal.say(f"{document_id}: {why}")
