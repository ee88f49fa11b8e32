"""Scores → a CSV file that grows: for tools that load files, and for a look at what a CRM would be sent."""

import asyncio
import csv
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from connectors.crm.contract import Answer, Answered, Limits, Request, Stage, Verdict
from connectors.crm.fields import FIELDS, Values, values_of
from schemas.errors import RetriableError


class CsvConfig(BaseModel):
    """Where the file is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path


class CsvSink:
    """One file, as `contract.Sink`. A line may come twice; of a lead's lines the one with the greatest `revision` counts."""

    limits = Limits(batch=1_000, concurrency=1, burst=100)

    def __init__(self, config: CsvConfig, *, values: Values = values_of) -> None:
        self._values = values
        self._path = config.path

    async def set_up(self) -> list[str]:
        """The file with its headings, if there is none."""
        return [str(self._path)] if await asyncio.to_thread(self._begin) else []

    async def send(self, request: Request) -> Answered:
        """Append the batch; it is on disk when this returns."""
        if request.stage is not Stage.WRITE:
            return Answered([Answer(Verdict.MISSING) for _ in request.items])
        rows = [[item.lead, *self._values(item.score).values()] for item in request.items]
        try:
            await asyncio.to_thread(self._append, rows)
        except OSError as exc:
            raise RetriableError(f"cannot write {self._path.name}: {exc.strerror}") from exc
        return Answered([Answer(Verdict.DONE, record=item.lead) for item in request.items])

    async def close(self) -> None:
        """Nothing is kept open."""

    def _begin(self) -> bool:
        if self._path.exists():
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._append([[field.name for field in FIELDS]])
        return True

    def _append(self, rows: list[list[str | float]]) -> None:
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
