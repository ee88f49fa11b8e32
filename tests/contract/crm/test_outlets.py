"""A webhook of one's own and a file, by the same contract."""

import asyncio
import csv
import hmac
import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.outlets.csv_file import CsvConfig, CsvSink
from connectors.outlets.webhook import SIGNATURE, WebhookConfig, WebhookSink
from tests.crm_runs import Run, statuses
from tests.fakes.server import Server
from tests.results import a_score


def test_a_webhook_gets_signed_batches():
    """The receiver can tell who sent it, and a refused try is sent again."""
    bodies: list[bytes] = []
    answers = [503, 429, 204]

    async def receive(request: Request) -> Response:
        body = await request.body()
        assert request.headers[SIGNATURE] == hmac.digest(b"shared", body, "sha256").hex()
        bodies.append(body)
        return Response(status_code=answers.pop(0) if answers else 204)

    with Server(Starlette(routes=[Route("/scores", receive, methods=["POST"])])) as server:
        run = Run(WebhookSink(WebhookConfig.model_validate({"url": f"{server.url}/scores", "secret": "shared"})), creates=True)
        ended = run.push(a_score("ada"), a_score("bob"))
        run.close()

    assert {"ada": ("delivered", ""), "bob": ("delivered", "")} == statuses(ended)
    assert {"ada": 40, "bob": 40} == {each["lead"]: each["score"] for each in json.loads(bodies[-1])["scores"]}


def test_a_file_grows_by_a_line_for_each_push(tmp_path: Path):
    """Headings first; the latest revision of a lead is its last line."""
    sink = CsvSink(CsvConfig(path=tmp_path / "out" / "scores.csv"))
    run = Run(sink, creates=True)
    assert [str(tmp_path / "out" / "scores.csv")] == run_once(sink)
    assert [] == run_once(sink)
    run.push(a_score("ada", sequence=1, propensity=0.2), a_score("bob"))
    run.push(a_score("ada", sequence=2, propensity=0.9))
    run.close()

    rows = list(csv.DictReader((tmp_path / "out" / "scores.csv").read_text().splitlines()))
    assert [("ada", "90")] == [(row["lead_id"], row["score"]) for row in rows if row["lead_id"] == "ada"][-1:]
    assert 3 == len(rows)


def run_once(sink: CsvSink) -> list[str]:
    return asyncio.run(sink.set_up())


def test_an_address_that_refuses_the_signature_blocks_the_account():
    """Nothing is dropped: a person gives the right secret."""

    async def refuse(_: Request) -> Response:
        return Response(status_code=401)

    with Server(Starlette(routes=[Route("/", refuse, methods=["POST"])])) as server:
        run = Run(WebhookSink(WebhookConfig.model_validate({"url": f"{server.url}/", "secret": "wrong"})), creates=True)
        run.delivery.offer(a_score("ada"), run.now())
        run.until(lambda: run.delivery.standing(run.now()).state == "unauthorized")
        standing = run.delivery.standing(run.now())
        run.close()

    assert (1, 0) == (standing.pending, standing.delivered)
