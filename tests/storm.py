"""A storm: scores for many leads at a CRM with every fault at once, the pusher killed with -9 twice, and what is left when it is over.

`python -m tests.storm`, or `make storm`: 100,000 scores of 10,000 leads. The pusher is a process of its own with the delivery engine, its
courier and a checkpoint every second in a file that is replaced in one step; it stands in for `push_scores`, whose operator has a test of
its own on a cluster. `--haste 5` has its clock run five times faster than ours, and the CRM's quota with it; but a process takes its time to
start, so a restart of ten seconds is fifty then, and what is told of delays around it says nothing.
"""

import pickle
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from time import monotonic
from typing import Annotated, NamedTuple

import typer

from connectors.crm.delivery.courier import Account, Courier
from connectors.crm.delivery.engine import Delivery
from connectors.crm.delivery.pending import DictPushStore
from connectors.crm.delivery.rules import PushRules
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from jobs.operators.wall_clock import now_ms
from models.grading import GRADES as BY_RANK
from models.grading import grade
from schemas.ids import Millis
from schemas.score import LeadScore
from tests.builders import TENANT
from tests.delays import Change, Restart, Write, changes, told
from tests.e2e.waiting import until
from tests.fakes.faults import Faults
from tests.fakes.hubspot import CLIENT_ID, CLIENT_SECRET, REFRESH, HubSpot
from tests.fakes.server import Server
from tests.results import a_score

SHARE = 0.15
LATENCY_S = 0.1
SCORES_PER_S = 140.0
"""Of the engine's seconds."""
CHECKPOINT_S = 1.0
EPOCH_MS = 1_700_000_000_000


class Aftermath(NamedTuple):
    """What a storm left. `changes` and `restarts` are in the engine's time."""

    leads: int
    scores: int
    wrong: int
    backwards: int
    exceeded: int
    writes: int
    causes: Mapping[str, int]
    faults: Mapping[str, int]
    changes: Sequence[Change]
    restarts: Sequence[Restart]
    seconds: float


def scores_of(leads: int, count: int) -> Iterator[LeadScore]:
    """Scores in order: leads warm up and cool down, with grades as the engine gives them."""
    random, sequences = Random(7), [0] * leads
    propensities, ranks = [random.betavariate(1.2, 4.0) for _ in range(leads)], [-1] * leads
    for number in range(count):
        lead = number if number < leads else random.randrange(leads)
        propensities[lead] = min(0.99, max(0.01, propensities[lead] + random.gauss(0.0, 0.03)))
        ranks[lead] = grade(propensities[lead], 3.0, ranks[lead])
        sequences[lead] += 1
        yield a_score(f"lead-{lead}", sequence=sequences[lead], propensity=propensities[lead], grade=BY_RANK[ranks[lead]], scored_at=Millis(0))


class Clock:
    """Milliseconds that pass `haste` times faster, the same for all processes of a run."""

    def __init__(self, began_ms: int, haste: int) -> None:
        self._began_ms, self._haste = began_ms, haste

    def now(self) -> Millis:
        return self.at(now_ms())

    def at(self, ms: int) -> Millis:
        """What it shows, or showed, at an instant of ours, in ms since 1970."""
        return Millis(EPOCH_MS + (ms - self._began_ms) * self._haste)


def push(url: str, folder: Path, leads: int, count: int, per_s: float, haste: int) -> None:
    """The pusher: reads scores as they come, from where its last checkpoint was; ends when all is pushed."""
    began, checkpoint, progress = folder / "began", folder / "checkpoint", folder / "progress"
    if not began.exists():
        began.write_text(str(now_ms()))
    clock, store, read, ends = Clock(int(began.read_text()), haste), DictPushStore(), 0, []
    if checkpoint.exists():
        read, ends, store.shown_by_lead, store.pending_by_lead, store.account_bytes = pickle.loads(checkpoint.read_bytes())
    credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH}
    config = HubSpotConfig.model_validate({"base_url": url, "creates": True, "matches": False, "timeout_s": 5.0, **credentials})
    sink, courier = HubSpotSink(config, Nobody()), Courier()
    delivery = Delivery(TENANT, "hubspot", limits=sink.limits, rules=PushRules(), store=store, now=clock.now(), matches=False, creates=True)
    rest, saved_at = scores_of(leads, count), monotonic()
    for _ in range(read):
        next(rest)
    with (folder / "starts").open("a") as starts:
        starts.write(f"{clock.now()}\n")
    while read < count or store.pending_by_lead:
        now = clock.now()
        while read < count and (made_at := _made_at(read, per_s)) <= now:
            delivery.offer(next(rest)._replace(scored_at=made_at), now)
            read += 1
        ended = courier.pump({"hubspot": Account(delivery, sink)}, clock.now(), wait_s=0.01)
        ends += [(one.report.status, one.report.cause) for _, one in ended]
        if monotonic() - saved_at > CHECKPOINT_S or (read == count and not store.pending_by_lead):
            delivery.save()
            (folder / "next").write_bytes(pickle.dumps((read, ends, store.shown_by_lead, store.pending_by_lead, store.account_bytes)))
            (folder / "next").replace(checkpoint)
            progress.write_text(str(read))
            saved_at = monotonic()
    courier.close(sink)


class Nobody:
    """Nobody's address is known."""

    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's name
        return {}


def storm(leads: int, count: int, *, kills: int, per_s: float = SCORES_PER_S, haste: int = 1) -> Aftermath:
    """Run one; gives what is left."""
    hub = HubSpot(burst=190, burst_s=10.0 / haste, validates=False, faults=Faults(seed=7, share=SHARE, latency_s=LATENCY_S / haste))
    hub.set_up()
    began, killed_at = monotonic(), []
    with tempfile.TemporaryDirectory() as folder, Server(hub.app) as server:
        command = [sys.executable, "-m", "tests.storm", "--pusher", server.url, "--folder", folder]
        sizes = ["--leads", str(leads), "--scores", str(count), "--per-s", str(per_s), "--haste", str(haste)]
        while True:
            pusher = subprocess.Popen([*command, *sizes])
            dies_after = (len(killed_at) + 1) * count / (kills + 1) if len(killed_at) < kills else count + 1
            until(lambda: pusher.poll() is not None or _read(folder) >= dies_after, "the pusher's progress", within_s=3_600.0)  # noqa: B023 - now
            if pusher.poll() is not None:
                break
            killed_at.append(now_ms())
            pusher.send_signal(signal.SIGKILL)
            pusher.wait()
        assert pusher.returncode == 0, "the pusher failed"
        ends = pickle.loads((Path(folder) / "checkpoint").read_bytes())[1]
        _, *ran_at = map(int, (Path(folder) / "starts").read_text().split())
        clock = Clock(int((Path(folder) / "began").read_text()), haste)
    latest: dict[str, LeadScore] = {}
    published: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, score in enumerate(scores_of(leads, count)):
        latest[score.lead] = score
        published[score.lead].append((_made_at(number, per_s), score.grade))
    shown = {contact["prox_lead_id"]: contact for contact in hub.contacts.values()}
    writes: defaultdict[str, list[Write]] = defaultdict(list)
    for (_, written), at in zip(hub.writes, hub.written_at, strict=True):
        writes[written["prox_lead_id"]].append(Write(written["prox_revision"], written["prox_grade"], clock.at(at)))
    revisions = [[write.revision for write in of_lead] for of_lead in writes.values()]
    return Aftermath(
        leads=leads,
        scores=count,
        wrong=sum(1 for lead, score in latest.items() if shown.get(lead, {}).get("prox_grade") != score.grade) + len(hub.contacts) - len(shown),
        backwards=sum(1 for of_lead in revisions if sorted(of_lead) != of_lead),
        exceeded=hub.exceeded,
        writes=sum(len(set(of_lead)) for of_lead in revisions),
        causes=Counter(cause for status, cause in ends if status == "delivered"),
        faults=dict(hub.faults.met),
        changes=[change for lead, of_lead in writes.items() for change in changes(published[lead], of_lead)],
        restarts=[Restart(clock.at(at), ran) for at, ran in zip(killed_at, ran_at, strict=True)],
        seconds=monotonic() - began,
    )


def _made_at(number: int, per_s: float) -> Millis:
    return Millis(EPOCH_MS + round(number * 1_000 / per_s))


def _read(folder: str) -> int:
    """How many scores the last checkpoint covers."""
    progress = Path(folder) / "progress"
    return int(progress.read_text() or 0) if progress.exists() else 0


def main(
    leads: Annotated[int, typer.Option()] = 10_000,
    scores: Annotated[int, typer.Option()] = 100_000,
    per_s: Annotated[float, typer.Option(help="scores in a second of the engine's clock")] = SCORES_PER_S,
    haste: Annotated[int, typer.Option(min=1, help="how many of the engine's seconds pass in one")] = 1,
    pusher: Annotated[str, typer.Option(hidden=True)] = "",
    folder: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Raise a storm, and tell what is left."""
    if pusher:
        push(pusher, Path(folder), leads, scores, per_s, haste)
        return
    left = storm(leads, scores, kills=2, per_s=per_s, haste=haste)
    after_first = left.writes - left.leads
    lines = (
        f"{left.scores:,} scores of {left.leads:,} leads in {left.seconds:.0f} s, killed {len(left.restarts)} times,"
        f" {sum(left.faults.values()):,} faults: {left.faults}",
        f"contacts that do not show the latest grade: {left.wrong}; leads with an older score over a newer: {left.backwards}",
        f"requests over the quota: {left.exceeded}",
        f"scores written: {left.writes:,} ({left.writes / left.scores:.1%} of all); beyond each lead's first: {after_first / left.scores:.1%}",
        f"delivered by cause: {dict(left.causes)}",
        *told(left.changes, left.restarts),
    )
    print("\n".join(lines))  # noqa: T201 - a command's answer
    sys.exit(1 if left.wrong or left.backwards or left.exceeded else 0)


if __name__ == "__main__":
    typer.run(main)
