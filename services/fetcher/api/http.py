"""The fetcher's HTTP side: what people and programs send by HTTP instead of dropping it into an inbox."""

from collections.abc import Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute

from services.fetcher.api import documents, feeds, urls
from services.fetcher.api.dependencies import Dependencies
from shared.protection import HEADERS, Protection

log = structlog.get_logger()


def create_api(needs: Dependencies, operations: Sequence[BaseRoute] = ()) -> FastAPI:
    """Return the application; `operations` are the routes for whoever runs it."""
    api = FastAPI(
        title="Dateline intake",
        version="1",
        summary="Send files and addresses of web pages.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
    )
    api.state.dependencies = needs
    api.include_router(documents.router)
    api.include_router(urls.router)
    api.include_router(feeds.router)
    api.router.routes.extend(operations)
    api.add_middleware(Protection)
    api.add_exception_handler(ClientDisconnect, _note_left)
    api.add_exception_handler(Exception, _say_failed)
    return api


async def _note_left(request: Request, _: Exception) -> JSONResponse:
    # Nothing is amiss here, and nobody reads the answer.
    log.info("client_left", path=request.url.path)
    return JSONResponse({"detail": "The connection ended before the request did."}, 400)


async def _say_failed(_: Request, __: Exception) -> JSONResponse:
    # Outside of all middleware, and the traceback is in the log.
    return JSONResponse({"detail": "Dateline failed on this request; its log says why."}, 500, headers=HEADERS)
