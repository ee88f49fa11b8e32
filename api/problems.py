"""Errors as RFC 9457 problems: every answer that is no success has this shape."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.examples import example_of
from schemas.errors import RetriableError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
"""Longer than the driver takes to notice that Cassandra is back."""


class InvalidParameter(BaseModel):
    """One thing that is wrong with a request."""

    parameter: str
    message: str


class Problem(BaseModel):
    """What went wrong, for a program (`type`, `status`) and a person (`title`, `detail`)."""

    type: str = Field(description="names the kind of problem; stable")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str = Field(description="the path that was asked for")
    errors: list[InvalidParameter] | None = Field(default=None, description="what is wrong with the request, all of it at once")


class ProblemError(Exception):
    """A problem to be answered.

    Parameters
    ----------
    status
        HTTP status.
    kind
        Last part of the problem's type.
    detail
        What is wrong and what to do.
    """

    def __init__(self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers


class MovedError(Exception):
    """What was asked for is somewhere else: no problem, and not to be answered here.

    Parameters
    ----------
    lead
        The lead that the id stands for.
    location
        Where it is.
    """

    def __init__(self, *, lead: str, location: str) -> None:
        super().__init__(lead)
        self.lead = lead
        self.location = location


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    app.add_exception_handler(ProblemError, _of_problem)
    app.add_exception_handler(MovedError, _of_moved)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(RetriableError, _of_retriable)
    app.add_exception_handler(Exception, _of_anything)


def _response(
    request: Request, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, errors: Sequence[InvalidParameter] | None = None
) -> JSONResponse:
    problem = Problem(
        type=f"urn:prox:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=list(errors) if errors else None,
    )
    return JSONResponse(problem.model_dump(exclude_none=True), status, headers, media_type=MEDIA_TYPE)


def _of_problem(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, ProblemError)
    return _response(request, exc.status, exc.kind, exc.detail, exc.headers)


def _of_moved(request: Request, exc: Exception) -> JSONResponse:  # noqa: ARG001 — the location says all
    assert isinstance(exc, MovedError)
    return JSONResponse({"lead": exc.lead}, HTTPStatus.PERMANENT_REDIRECT, {"Location": exc.location})


def _of_http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    kind = HTTPStatus(exc.status_code).phrase.lower().replace(" ", "-")
    return _response(request, exc.status_code, kind, f"{exc.detail}: {request.method} {request.url.path}", exc.headers)


def _of_validation(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    errors = [InvalidParameter(parameter=".".join(str(part) for part in error["loc"][1:]), message=str(error["msg"])) for error in exc.errors()]
    named = ", ".join(dict.fromkeys(error.parameter for error in errors))
    return _response(request, 422, "invalid-request", f"The request cannot be understood: {named}.", errors=errors)


def _of_retriable(request: Request, exc: Exception) -> JSONResponse:  # noqa: ARG001 — what is away is our business, not the caller's
    detail = f"The store does not answer at the moment. Try again in {RETRY_AFTER_S} s."
    return _response(request, 503, "store-away", detail, {"Retry-After": str(RETRY_AFTER_S)})


def _of_anything(request: Request, exc: Exception) -> JSONResponse:  # noqa: ARG001 — it is logged by the server, and never shown
    return _response(request, 500, "internal-error", "Something went wrong here. The error was logged; asking again may not help.")


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the problems that each operation may answer."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    for path, operations in document["paths"].items():
        for operation in operations.values():
            answer = operation["responses"]["200"]["content"]["application/json"]
            answer["example"] = example_of(answer["schema"], schemas)
            if "{lead}" in path:
                operation["responses"]["308"] = _MOVED
            for status in _statuses(path, operation):
                operation["responses"][str(status)] = {
                    "description": HTTPStatus(status).phrase,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _example(status, path)}},
                }
    return document


_MOVED = {
    "description": "The id stands for another lead, as the two proved to be one: `Location` is the same question about that lead.",
    "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"lead": {"type": "string"}}, "required": ["lead"]},
            "example": {"lead": "lead-42"},
        }
    },
}


def _example(status: int, path: str) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    kind = phrase.lower().replace(" ", "-")
    return {"type": f"urn:prox:problem:{kind}", "title": phrase, "status": status, "detail": f"{phrase}: what to do.", "instance": path}


def _statuses(path: str, operation: Mapping[str, Any]) -> tuple[int, ...]:
    if not path.startswith("/v1/"):
        return (503,) if path.endswith("/ready") else ()
    # a cursor of somebody's own making, a body that is not even JSON
    may_be_garbled = "requestBody" in operation or any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))
    return (*((400,) if may_be_garbled else ()), 401, *((404,) if "{lead}" in path or "{account}" in path else ()), 422, 500, 503)
