"""Health from work done: `/livez`, `/readyz`, `/metrics`, and the AsyncAPI description of the streams.

A service is ready while every part of it says it has no fault; a part is asked for what it did lately, never
whether a socket answers.
"""

from collections.abc import Callable, Mapping

from faststream.specification import AsyncAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.messaging import StreamBroker

#: Tells what is wrong with one part of a service, in words; empty when nothing is.
Faults = Callable[[], list[str]]


def operations_routes(
    service: str, broker: StreamBroker, parts: Mapping[str, Faults], registry: CollectorRegistry
) -> list[Route]:
    """Return the routes every service has, for whoever runs it."""
    checks: dict[str, Faults] = {"streams": broker.faults, **parts}

    async def livez(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: Request) -> Response:
        faults = {part: found for part, check in checks.items() if (found := check())}
        return JSONResponse({"ready": not faults, "faults": faults}, status_code=503 if faults else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def asyncapi(_: Request) -> Response:
        description = AsyncAPI(broker, title=f"Dateline {service}", version="1").to_specification()
        return Response(description.to_json(), media_type="application/json")

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/asyncapi.json", asyncapi),
    ]
