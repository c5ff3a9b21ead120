"""What a browser may do with our answers. The texts we show come from strangers, and the page is on a local port."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing but our own files runs or loads in the page, nothing may frame it, and no link tells where it was clicked.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
READING = ("GET", "HEAD", "OPTIONS")


class Protection:
    """Adds the headers, and refuses what another web site makes a visitor's browser send here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():  # a route may be stricter
                    headers.setdefault(name, value)
            await send(message)

        app = JSONResponse({"detail": "Not from another site."}, 403) if _is_foreign_change(scope) else self._app
        await app(scope, receive, send_protected)


def _is_foreign_change(scope: Scope) -> bool:
    # Browsers always send the header; programs that do not are not at a stranger's command.
    sender = Headers(scope=scope).get("sec-fetch-site", "none")
    return scope["method"] not in READING and sender not in ("same-origin", "none")
