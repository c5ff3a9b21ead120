"""`POST /index/rebuild`, `GET /index/rebuild`: parse and index everything once more, while the old index serves."""

from fastapi import APIRouter
from pydantic import Field

from services.indexer.adapters.index_rebuild import Progress
from services.indexer.api.dependencies import Answer, Needs

router = APIRouter(prefix="/index", tags=["status"])


class RebuildAnswer(Answer):
    """How far the rebuild is, or the last one was when none runs."""

    running: bool
    documents: int = Field(description="Documents to be indexed once more.")
    done: int
    per_second: float
    seconds_left: float | None


@router.post("/rebuild", status_code=202)
async def start_rebuild(needs: Needs) -> RebuildAnswer:
    """Begin to build the index anew from the originals; does nothing while that is under way."""
    return _answer(await needs.rebuild.start())


@router.get("/rebuild")
async def get_rebuild(needs: Needs) -> RebuildAnswer:
    """Return how far it is."""
    return _answer(await needs.rebuild.progress())


def _answer(progress: Progress) -> RebuildAnswer:
    left = progress.seconds_left
    return RebuildAnswer(
        running=progress.running,
        documents=progress.documents,
        done=progress.done,
        per_second=round(progress.per_second, 1),
        seconds_left=None if left is None else round(left, 1),
    )
