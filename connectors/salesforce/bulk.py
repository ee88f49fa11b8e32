"""Bulk API 2.0: a back-fill of more leads than pushes should carry."""

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from connectors.crm import fields
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.sink import LEAD, LEAD_ID, field_of
from schemas.errors import RetriableError
from schemas.score import LeadScore

WORTH_IT = 2_000
"""Below, collections are quicker and say at once what became of each record."""
FILE_BYTES = 100_000_000
"""Salesforce takes 150 MB in base64, which is a third longer."""
NOTHING = "#N/A"
"""Empties a field."""
ENDED = ("JobComplete", "Failed", "Aborted")


class BulkResult(NamedTuple):
    """What became of a job. `refused`: lead → Salesforce's reason."""

    job: str
    written: int
    refused: dict[str, str]


async def upsert(
    client: SalesforceClient,
    scores: Sequence[LeadScore],
    *,
    values: fields.Values = fields.values_of,
    poll_s: float = 5.0,
    longest_s: float = 3_600.0,
) -> BulkResult:
    """Write scores to the leads that carry our ids, by one job; leads without a record are refused, none is created twice.

    Raises
    ------
    RetriableError
        The job did not end in time, or failed as a whole; doing it again changes nothing.
    """
    rows = _csv(scores, values)
    if len(rows.encode()) > FILE_BYTES:
        raise ValueError(f"{len(rows):,} characters in one job: part the back-fill")
    created = await client.ask(
        "POST", "/jobs/ingest", body={"object": LEAD, "externalIdFieldName": LEAD_ID, "operation": "upsert", "contentType": "CSV", "lineEnding": "LF"}
    )
    job = str(created.body["id"])
    await client.ask("PUT", f"/jobs/ingest/{job}/batches", content=rows.encode(), headers={"Content-Type": "text/csv"})
    await client.ask("PATCH", f"/jobs/ingest/{job}", body={"state": "UploadComplete"})
    for _ in range(max(1, int(longest_s / poll_s))):
        state = (await client.ask("GET", f"/jobs/ingest/{job}")).body
        if state["state"] in ENDED:
            break
        await asyncio.sleep(poll_s)
    if state["state"] != "JobComplete":
        raise RetriableError(f"bulk job {job} is {state['state']}: {state.get('errorMessage', 'it did not end in time')}")
    failed = (await client.ask("GET", f"/jobs/ingest/{job}/failedResults")).text
    refused = {row[LEAD_ID]: row["sf__Error"].partition(":")[0] for row in csv.DictReader(io.StringIO(failed))}
    return BulkResult(job, int(state["numberRecordsProcessed"]) - int(state["numberRecordsFailed"]), refused)


def _csv(scores: Sequence[LeadScore], values: fields.Values) -> str:
    names = [LEAD_ID, *(field_of(field.name) for field in fields.FIELDS if field.name != fields.LEAD_ID)]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for score in scores:
        # an empty cell leaves the field as it is
        writer.writerow({LEAD_ID: score.lead, **{field_of(name): NOTHING if value == "" else value for name, value in values(score).items()}})
    return out.getvalue()
