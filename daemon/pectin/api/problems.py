"""Errors as RFC 9457 problem documents: a type, a title, the status, what happened here and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pectin.model.errors import MEANINGS, Cause, Kind, PectinError
from pectin.model.job import IllegalTransitionError, NoSuchJobError, StaleTransitionError, State, Trigger
from pectin.pipeline.control import AmbiguousJobError, NotRunningError
from pectin.pipeline.undo import WishError
from pectin.settings.load import ConfigError

T = TypeVar("T")
MEDIA_TYPE = "application/problem+json"


def problem(status: int, kind: str, title: str, detail: str, **more: Any) -> Response:
    """One problem document. `kind` is the last part of its type, stable for programs."""
    body: Mapping[str, Any] = {"type": f"urn:pectin:problem:{kind}", "title": title, "status": status, "detail": detail, **more}
    return Response(json.dumps(body, ensure_ascii=False), status_code=status, media_type=MEDIA_TYPE)


def _illegal_text(error: IllegalTransitionError) -> str:
    """In the words of the commands, not of the table: a person never typed `requeue`."""
    wish = {Trigger.CANCEL: "be cancelled", Trigger.REQUEUE: "be tried again", Trigger.REDO: "be made once more",
            Trigger.UNDO: "be undone"}.get(error.trigger, error.trigger.value)
    way_out = {State.COMPLETED: "; `pectin redo` makes it once more, `pectin undo` takes it back",
               State.PENDING: "; it waits for its turn already",
               State.FAILED: "; `pectin retry` tries it again", State.REJECTED: "; `pectin retry` takes it all the same",
               State.CANCELLED: "; `pectin retry` takes it up again",
               State.PROCESSING: "; `pectin cancel` stops it first",
               State.PUBLISHING: "; its outputs are on their way into the library"}.get(error.state, "")
    return f"the job is {error.state}: it cannot {wish}{way_out}"


def understood(parse: Callable[[str], T], text: str) -> T:
    """What a parameter means. Raises RequestError with the parser's words."""
    try:
        return parse(text)
    except ValueError as error:
        raise RequestError(str(error)) from error


class RequestError(Exception):
    """A parameter that means nothing; the text says what is allowed."""


def install(app: FastAPI) -> None:
    """Teach the app to answer every foreseen error with a problem document."""

    @app.exception_handler(NoSuchJobError)
    async def _no_such_job(_: Request, error: NoSuchJobError) -> Response:
        return problem(404, "no-such-job", "No such job", f"{error}; `pectin jobs` lists them")

    @app.exception_handler(AmbiguousJobError)
    async def _ambiguous(_: Request, error: AmbiguousJobError) -> Response:
        return problem(409, "ambiguous-job", "The id fits several jobs", str(error))

    @app.exception_handler(NotRunningError)
    async def _not_running(_: Request, error: NotRunningError) -> Response:
        return problem(409, "not-running", "The job does not run", str(error))

    @app.exception_handler(WishError)
    async def _wish(_: Request, error: WishError) -> Response:
        return problem(422, "wish", "That cannot be done", str(error))

    @app.exception_handler(IllegalTransitionError)
    async def _illegal(_: Request, error: IllegalTransitionError) -> Response:
        return problem(409, "illegal-transition", "The job is in another state", _illegal_text(error), state=error.state.value)

    @app.exception_handler(StaleTransitionError)
    async def _stale(_: Request, error: StaleTransitionError) -> Response:
        return problem(409, "stale-transition", "The job has moved on meanwhile", str(error), state=error.found.value)

    @app.exception_handler(PectinError)
    async def _pectin(_: Request, error: PectinError) -> Response:
        status = {Kind.REFUSAL: 422, Kind.RESOURCE: 503, Kind.BUG: 500}.get(error.meaning.kind, 409)
        if error.cause is Cause.UNREADABLE:
            status = 403
        return problem(status, error.cause.value, error.meaning.sentence, error.sentence, cause=error.cause.value,
                       next_step=error.meaning.next_step)

    @app.exception_handler(ConfigError)
    async def _config(_: Request, error: ConfigError) -> Response:
        return problem(422, "configuration", "The new configuration is refused; the old one stays", str(error),
                       problems=[p.sentence for p in error.problems])

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(str(p) for p in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return problem(422, "request", "The request is not right", told)

    @app.exception_handler(RequestError)
    async def _request(_: Request, error: RequestError) -> Response:
        return problem(422, "request", "The request is not right", str(error))

    @app.exception_handler(Exception)  # it goes on to the log with its traceback; this is only what the asker sees
    async def _bug(_: Request, error: Exception) -> Response:
        meaning = MEANINGS[Cause.INTERNAL]
        return problem(500, Cause.INTERNAL.value, meaning.sentence, f"{meaning.sentence}: {type(error).__name__}",
                       cause=Cause.INTERNAL.value, next_step="the traceback is in `journalctl -u pectin`: please report it")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        title = {404: "No such address", 405: "Not this method"}.get(error.status_code, "Request failed")
        return problem(error.status_code, "http", title, f"{request.method} {request.url.path}: {error.detail}")
