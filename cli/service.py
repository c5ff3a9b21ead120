"""Asks Dateline over HTTP. Whatever goes wrong ends in a `Failure`: one line that says what to do."""

import json
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from cli.failures import Failure, Unavailable, UsageFailure
from cli.surroundings import Surroundings

#: Seconds for a connection, and for an answer: every request takes well under a second at the other end.
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 30.0
#: Characters of an error's text that are shown.
LONGEST_DETAIL = 500


class Answer(BaseModel):
    """What is used of an answer; the rest is kept for those who want JSON."""

    model_config = ConfigDict(frozen=True, extra="allow")


AnswerT = TypeVar("AnswerT", bound=Answer)


class Service:
    """Dateline at one address.

    Raises (all methods):
        Unavailable: it does not answer, or cannot do it for now.
        UsageFailure: it does not understand what was asked.
        Failure: what was asked for is not there, or cannot be done.
    """

    def __init__(self, url: str, surroundings: Surroundings, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._url = url.rstrip("/")
        try:
            self._client = httpx.Client(
                base_url=self._url,
                transport=surroundings.transport,
                timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS),
                trust_env=False,  # a proxy for the way out must not be asked for what runs on this machine
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageFailure(f"{url} is no address ({error}); an example: --url http://127.0.0.1:8000") from error
        if self._client.base_url.scheme not in ("http", "https") or not self._client.base_url.host:
            raise UsageFailure(f"{url} is no address of a web server; an example: --url http://127.0.0.1:8000")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, model: type[AnswerT], path: str, **query: Any) -> AnswerT:
        """Return what is there."""
        return self._ask("GET", model, path, query)

    def post(self, model: type[AnswerT], path: str, **query: Any) -> AnswerT:
        """Have it done."""
        return self._ask("POST", model, path, query)

    def address_of(self, path: str) -> str:
        """Return the address for a person's browser."""
        return f"{self._url}{path}"

    def _ask(self, method: str, model: type[AnswerT], path: str, query: dict[str, Any]) -> AnswerT:
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            response = self._client.request(method, path, params=asked)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unavailable(
                f"Dateline does not answer at {self._url} ({str(error) or type(error).__name__}). Is it running? "
                "`make up` starts it; --url or DATELINE_URL says where it is."
            ) from error
        if not response.is_success:
            raise _failure(response)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise Unavailable(
                f"What answers at {self._url} is not this version of Dateline. Is --url or DATELINE_URL right?"
            ) from error


def _failure(response: httpx.Response) -> Failure:
    detail = _detail(response)[:LONGEST_DETAIL]
    if response.status_code == httpx.codes.NOT_FOUND and detail in ("", "Not Found"):  # no such route
        return Failure(f"The Dateline that answers does not know {response.url.path}: update and restart it.")
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return Unavailable(detail or "Dateline cannot do this for now. Try again in a moment.")
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return UsageFailure(detail or "Dateline does not understand this request.")
    return Failure(detail or f"Dateline answered with an error ({response.status_code}); its log says why.")


def _detail(response: httpx.Response) -> str:
    try:
        detail = json.loads(response.content)["detail"]
        if isinstance(detail, str):
            return detail
        return "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in detail)
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
