"""The real jobs on a session cluster, with topics, schemas and a keyspace of their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from connectors.kafka.consumer import read_records
from connectors.kafka.lag import lag
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra import retention
from infra.pace import Pace, Pacer
from infra.stack import SERVERS, Part, Stack, deploy
from infra.stack.flink import FlinkCluster
from schemas.errors import PoisonRecordError
from schemas.event import Event
from schemas.ids import lead_key
from schemas.outcome import Outcome
from schemas.topics import Topic, Value
from tests.e2e.waiting import until

T = TypeVar("T", bound=Value)

LATENCY = ("enrich_events", "score_leads", "learn_models")
WRITERS = ("stitch_leads", "store_results")
READS: Mapping[str, Sequence[Topic]] = {
    "map_requests": (Topic.REQUESTS_RECEIVED,),
    "enrich_events": (Topic.EVENTS_RECEIVED,),
    "score_leads": (Topic.EVENTS_ENRICHED, Topic.OUTCOMES_RECEIVED),
    "learn_models": (Topic.EXAMPLES_MATURED, Topic.CHAMPIONS_CHOSEN),
    "stitch_leads": (Topic.IDENTITIES_CLAIMED,),
    "push_scores": (Topic.SCORES_PUBLISHED, Topic.LINKS_CHANGED, Topic.OVERRIDES_DECIDED, Topic.LEADS_MOVED),
    "store_results": (
        Topic.EVENTS_ENRICHED,
        Topic.OUTCOMES_RECEIVED,
        Topic.SCORES_PUBLISHED,
        Topic.METRICS_PUBLISHED,
        Topic.MODELS_PUBLISHED,
        Topic.PUSHES_REPORTED,
        Topic.LINKS_CHANGED,
        Topic.OVERRIDES_DECIDED,
    ),
}
"""Job → what it reads, in the order of the flow: when a job has committed all, whatever it gives to the next is on its topic."""


class Deployment:
    """Jobs, what they are fed, and how far they are.

    Parameters
    ----------
    stack, cluster
        Where it runs.
    name
        Prefix of its topics, name of its keyspace.
    variables
        More of the jobs' variables.
    """

    def __init__(self, stack: Stack, cluster: FlinkCluster, name: str, variables: Mapping[str, str] | None = None) -> None:
        self.stack = stack
        self.cluster = cluster
        self.kafka = stack.kafka.model_copy(update={"topic_prefix": f"{name}."})
        self.cassandra = stack.cassandra.model_copy(update={"keyspace": name})
        self.jobs: dict[Sequence[str], str] = {}
        self.fed: list[Event | Outcome] = []
        self._run_dir = stack.run_dir / name
        self._variables = dict(variables or {})

    def prepare(self, *, has_tables: bool = True) -> None:
        """Servers, topics, schemas and, for the writers, tables."""
        self.stack.start(*(SERVERS if has_tables else (Part.KAFKA, Part.REGISTRY)))
        policy = retention.POLICY.for_replays()
        deploy.deploy_topics(self.kafka, policy)
        deploy.deploy_schemas(self.kafka)
        if has_tables:
            deploy.deploy_tables(self.cassandra, policy)
        self.codec = Registry(self.kafka).codec()
        self.producer = Producer(self.kafka, self.codec)

    @property
    def environment(self) -> dict[str, str]:
        """The jobs' variables."""
        return {
            **self.stack.addresses.environment(self._run_dir),
            "PROX_KAFKA__TOPIC_PREFIX": self.kafka.topic_prefix,
            "PROX_CASSANDRA__KEYSPACE": self.cassandra.keyspace,
            "PROX_FLINK__CHECKPOINT_INTERVAL": "PT2S",
            "PROX_FLINK__IDLE_TIMEOUT": "PT1S",
            **self._variables,
        }

    def submit(self, *names: str, parallelism: int, savepoint: str | None = None) -> None:
        """Run jobs as one: they share TaskManagers."""
        self.jobs[names] = self.cluster.submit(*names, parallelism=parallelism, savepoint=savepoint, env=self.environment)

    def submit_all(self, savepoints: Mapping[Sequence[str], str | None], *, parallelism: int) -> None:
        """Run several groups of jobs, each as one, submitted side by side: most of it is a JVM and PyFlink that start."""
        with ThreadPoolExecutor(len(savepoints), thread_name_prefix="submitting") as pool:
            begun = [pool.submit(self.submit, *names, parallelism=parallelism, savepoint=savepoint) for names, savepoint in savepoints.items()]
        for submission in begun:
            submission.result()

    def stop_all(self) -> dict[Sequence[str], str]:
        """Stop all jobs at once; gives their savepoints, for `submit_all`."""
        groups = list(self.jobs)
        with ThreadPoolExecutor(len(groups), thread_name_prefix="stopping") as pool:
            return dict(zip(groups, pool.map(self.stop, groups), strict=True))

    def stop(self, names: Sequence[str]) -> str:
        """Stop jobs that were submitted together; gives their savepoint."""
        return self.cluster.stop_with_savepoint(self.jobs.pop(names))

    def cancel(self) -> None:
        """End all jobs."""
        for job_id in self.jobs.values():
            self.cluster.cancel(job_id)
        self.jobs.clear()

    def feed(self, records: Iterable[Event | Outcome], *, per_second: float | None = None) -> None:
        """Publish records, each under its own time, and wait until Kafka has them."""
        pacer = Pacer(Pace(per_second=per_second))
        for index, record in enumerate(records):
            due_in_s = pacer.delay_s(index, record.occurred_at)
            if due_in_s > 0:
                pacer.wait(due_in_s)
            topic = Topic.EVENTS_RECEIVED if isinstance(record, Event) else Topic.OUTCOMES_RECEIVED
            self.producer.publish(topic, record, key=lead_key(record.tenant, record.lead), at=record.occurred_at)
            self.fed.append(record)
        self.producer.flush()

    @contextmanager
    def feeding(self, records: Sequence[Event | Outcome], *, per_second: float) -> Iterator[None]:
        """Within, records are published at this rate; begins when the first of them were scored, ends when all are published."""
        before = self.count(Topic.SCORES_PUBLISHED)
        with ThreadPoolExecutor(1, thread_name_prefix="feeding") as pool:
            feeding = pool.submit(self.feed, records, per_second=per_second)
            until(lambda: feeding.done() or self.count(Topic.SCORES_PUBLISHED) > before, "the first scores of the stream")
            yield
            feeding.result()

    def count(self, topic: Topic) -> int:
        """How many records a topic holds."""
        return lag(self.kafka, "nobody", topic)

    def read(self, topic: Topic, value_type: type[T]) -> list[T]:
        """The values of a topic that are of its type and can be read: a test may have put others there."""
        found = []
        for record in read_records(self.kafka, topic):
            with suppress(PoisonRecordError):
                found.append(self.codec.decode_as(value_type, record.value))
        return found

    def settle(self) -> None:
        """Wait until the jobs have read all, and made safe what they made of it.

        Asked twice: a job may have given another one, of which it was asked before, something more.
        """
        until(lambda: self.remaining() == 0 and self.remaining() == 0, "nothing left to be read")

    def remaining(self) -> int:
        """Records that no checkpoint of their reader covers."""
        running = {name for names in self.jobs for name in names}
        return sum(lag(self.kafka, f"prox.{job}", topic) for job, topics in READS.items() if job in running for topic in topics)

    def kill_host_of(self, names: Sequence[str], *, has_spare: bool = False) -> None:
        """`kill -9` a TaskManager that runs these jobs, and start another; returns when they have gone on from a checkpoint.

        Jobs that have none yet are waited for: they would begin anew, and nothing would be restored. Where a spare TaskManager stands by,
        they go on there, and the caller starts another for the next time.
        """
        job_id = self.jobs[names]
        until(lambda: self.cluster.checkpoints(job_id) > 0, f"{'+'.join(names)} checkpointed")
        before = self.cluster.restores(job_id)
        self.cluster.kill_task_manager(self.cluster.hosts(job_id)[0])
        if not has_spare:
            self.cluster.start()
        until(lambda: self.cluster.restores(job_id) > before, f"{'+'.join(names)} restored")
        self.cluster.wait_for(job_id, "RUNNING")
