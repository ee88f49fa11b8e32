"""Stopping a job on a cluster: what its answers lead to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.stack.addresses import Addresses
from infra.stack.flink import FlinkCluster
from schemas.errors import FatalError
from tests.fakes.server import Server

JOB = "0" * 32
SAVED = {"location": "file:/savepoints/1"}


def failed(reason: str) -> dict[str, Any]:
    """As Flink 2.3 tells it."""
    return {"failure-cause": {"class": "CompletionException", "stack-trace": f"CheckpointException: {reason}\n\tat java.base"}}


@pytest.mark.parametrize("reason", ["The Flink job is currently not executing.", "Not all required tasks are currently running."])
def test_a_job_between_two_runs_is_asked_again(reason: str, tmp_path: Path):
    """An adaptive job starts again whenever slots come free, also in the moment in which another job is stopped."""
    with _cluster([failed(reason), failed(reason), SAVED], tmp_path) as cluster:
        assert SAVED["location"] == cluster.stop_with_savepoint(JOB)


def test_a_savepoint_that_fails_is_told(tmp_path: Path):
    with _cluster([failed("No space left on device"), SAVED], tmp_path) as cluster, pytest.raises(FatalError, match="No space left"):
        cluster.stop_with_savepoint(JOB)


@contextmanager
def _cluster(operations: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[FlinkCluster]:
    """A cluster whose requests for a savepoint end like this, one after the other."""
    asked: list[Mapping[str, Any]] = []

    def stop(_: Request) -> JSONResponse:
        asked.append(operations[len(asked)])
        return JSONResponse({"request-id": str(len(asked) - 1)})

    def savepoint(request: Request) -> JSONResponse:
        return JSONResponse({"status": {"id": "COMPLETED"}, "operation": operations[int(request.path_params["number"])]})

    def job(_: Request) -> JSONResponse:
        return JSONResponse({"state": "FINISHED"})

    routes = [Route(f"/jobs/{JOB}/stop", stop, methods=["POST"]), Route(f"/jobs/{JOB}/savepoints/{{number}}", savepoint), Route(f"/jobs/{JOB}", job)]
    with Server(Starlette(routes=routes)) as server, FlinkCluster(folder, _addresses(urlsplit(server.url).port, folder)) as cluster:
        yield cluster


def _addresses(port: int | None, folder: Path) -> Addresses:
    return Addresses.of(folder).model_copy(update={"flink_rest": port})
