"""Students of a lane's tenants in Flink's state: each as it was at some moment, and the lessons it had since."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from models.learning.hazard_model import HazardModel
from models.student import Learned, Student
from schemas.champion_choice import ChampionChoice
from schemas.codec import Codec
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy

FOLD_AFTER = 1_000
"""Examples after which a student is written whole: megabytes, where a lesson is as small as its examples. Learned again within a second."""


class Students:
    """What is taught is in state when `teach` returns: a restored student has had the same lessons in the same order.

    Parameters
    ----------
    students
        State of the lane: tenant → `Student.to_bytes`. An entry for each tenant, kept while the tenant is ours.
    lessons
        State of the lane: `tenant#number` → examples taught since, numbered from 0. At most FOLD_AFTER examples and one batch.
    codec, policies, pool
        Of the deployment.
    """

    def __init__(self, students: Any, lessons: Any, codec: Codec, policies: Mapping[str, TenantPolicy], pool: HazardModel | None = None) -> None:
        self._students = students
        self._lessons = lessons
        self._codec = codec
        self._policies = policies
        self._pool = pool
        self._decoded: dict[str, Student] = {}
        self._since: dict[str, tuple[int, int]] = {}

    def of(self, tenant: str) -> Student:
        """The tenant's student with all it was taught."""
        student = self._decoded.get(tenant)
        if student is None:
            student = self._decoded[tenant] = self._restored(tenant)
        return student

    def tenants(self) -> set[str]:
        """All tenants of the current lane."""
        taught_since = (key.rpartition("#")[0] for key in list(self._lessons.keys()))
        return {*self._students.keys(), *taught_since}

    def teach(self, student: Student, examples: Sequence[MaturedExample]) -> Learned:
        """Have the student learn a batch; gives what became known by it."""
        learned = student.learn(examples)
        number, taught = self._since[student.tenant]
        taught += len(examples)
        if taught < FOLD_AFTER:
            self._lessons.put(_key(student.tenant, number), msgpack.packb([self._codec.encode(example) for example in examples]))
            self._since[student.tenant] = number + 1, taught
        else:
            self._fold(student, number)
        return learned

    def choose(self, student: Student, choice: ChampionChoice) -> bool:
        """Have the student follow a person's choice; gives whether there is another champion.

        Raises
        ------
        PoisonRecordError
            It cannot be followed.
        """
        is_changed = student.choose(choice)
        # a choice is no lesson: it is in the student that is written whole
        self._fold(student, self._since[student.tenant][0])
        return is_changed

    def _fold(self, student: Student, number: int) -> None:
        self._students.put(student.tenant, student.to_bytes())
        for past in range(number):
            self._lessons.remove(_key(student.tenant, past))
        self._since[student.tenant] = 0, 0

    def _restored(self, tenant: str) -> Student:
        policy = self._policies.get(tenant, TenantPolicy())
        stored = self._students.get(tenant)
        is_new = stored is None and self._lessons.get(_key(tenant, 0)) is None
        pool = self._pool if is_new else None
        student = Student(tenant, policy, pool) if stored is None else Student.from_bytes(bytes(stored), tenant, policy)
        if pool is not None:
            # with what it began with in state, another pool changes nothing any more
            self._students.put(tenant, student.to_bytes())
        number = taught = 0
        while (lesson := self._lessons.get(_key(tenant, number))) is not None:
            examples = [self._codec.decode_as(MaturedExample, data) for data in msgpack.unpackb(bytes(lesson))]
            student.learn(examples)
            number, taught = number + 1, taught + len(examples)
        self._since[tenant] = number, taught
        return student


def _key(tenant: str, number: int) -> str:
    return f"{tenant}#{number}"
