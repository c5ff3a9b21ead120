"""The HTTP side: the API and the page, on one port."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import BaseRoute

from services.indexer.api import documents, ignored, originals, quarantine, rebuild, replay, search, status
from services.indexer.api.dependencies import Dependencies
from shared.errors import TransientError
from shared.protection import HEADERS, Protection

WEB = Path(__file__).parents[1] / "web"


def create_api(needs: Dependencies, operations: Sequence[BaseRoute] = ()) -> FastAPI:
    """Return the application; `operations` are the routes for whoever runs it."""
    api = FastAPI(
        title="Dateline",
        version="1",
        summary="Search what was dropped into the inbox.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
    )
    api.state.dependencies = needs
    for module in (search, documents, originals, quarantine, replay, status, ignored, rebuild):
        api.include_router(module.router)
    api.router.routes.extend(operations)
    api.add_middleware(Protection)
    api.add_exception_handler(TransientError, _say_unavailable)
    api.add_exception_handler(Exception, _say_failed)
    api.add_api_route("/", _page, methods=["GET", "HEAD"], include_in_schema=False)
    api.mount("/static", StaticFiles(directory=WEB), name="static")
    return api


async def _page() -> FileResponse:
    return FileResponse(WEB / "index.html")


async def _say_unavailable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503, headers={"Retry-After": "5"})


async def _say_failed(_: Request, __: Exception) -> JSONResponse:
    # Outside of all middleware, and the traceback is in the log.
    return JSONResponse({"detail": "Dateline failed on this request; its log says why."}, 500, headers=HEADERS)
