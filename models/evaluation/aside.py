"""One data set in a process of its own, beside others.

In a module of its own: what `python -m models` defines itself, another process cannot find by its name.
"""

import time
from pathlib import Path

from rich.console import Console

from models.dataset import dataset
from models.dataset.files import open_file
from models.evaluation.protocol import Evaluation, evaluate


def evaluate_aside(manifest: Path, *, with_hints: bool) -> Evaluation:
    """The evaluation of a manifest's set. A bar would be in the way of the others': it says which models are through."""

    def show(name: str, done: int, total: int) -> None:
        if done == total:
            Console(stderr=True).print(f"{manifest.parent.name}: {name} is through", highlight=False)

    return evaluate(dataset.read(str(manifest), open_file), time.process_time_ns, show, with_hints=with_hints)
