"""What a sweep shows while it runs: a table in a terminal, elsewhere a line for each run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mnistcnn.sweeps.results import SweepRun
from mnistcnn.sweeps.worker import RunSpec

_MAX_ROWS = 12
_REFRESHES_PER_SECOND = 2  # how often the table is drawn

Display = Callable[[RunSpec, SweepRun | None], None]


@contextmanager
def sweep_progress(
    verbose: Literal["auto", 0, 1, 2], jobs: Sequence[RunSpec], kept: Mapping[RunSpec, SweepRun]
) -> Iterator[Display]:
    """Give what is to be told of each run that began (``None``) or ended."""
    console = Console(file=sys.stdout, highlight=False)
    if verbose == "auto":
        verbose = 1 if console.is_terminal or console.is_jupyter else 2
    if verbose == 0:
        yield lambda _job, _run: None
        return
    if kept:
        console.print(f"{len(kept)} of {len(jobs)} runs were there already.")
    state = _State(jobs, kept)
    if verbose == 2:

        def line(job: RunSpec, run: SweepRun | None) -> None:
            state(job, run)
            if run is not None:
                console.print(f"{job}: {_describe_run(run)} ({len(state.ended)} of {len(jobs)})")

        yield line
        return
    with Live(
        console=console, get_renderable=state.table, refresh_per_second=_REFRESHES_PER_SECOND
    ):
        yield state


class _State:
    """Which runs wait, train and have ended."""

    def __init__(self, jobs: Sequence[RunSpec], kept: Mapping[RunSpec, SweepRun]) -> None:
        self._count = len(jobs)
        self._begun: dict[RunSpec, float] = {}
        self.ended: dict[RunSpec, SweepRun] = dict(kept)

    def __call__(self, job: RunSpec, run: SweepRun | None) -> None:
        if run is None:
            self._begun[job] = time.monotonic()
        else:
            self._begun.pop(job, None)
            self.ended[job] = run

    def table(self) -> Table:
        """Draw the last runs that ended, those that train, and how many wait."""
        table = Table(box=None, pad_edge=False)
        for name in ("recipe", "seed", "", "accuracy", "epochs", "seconds"):
            table.add_column(name, justify="left" if name in ("recipe", "") else "right")
        before = len(self.ended) - _MAX_ROWS
        if before > 0:
            table.add_row("...", "", f"{before} more")
        for job, run in list(self.ended.items())[-_MAX_ROWS:]:
            table.add_row(
                job.recipe.name, str(job.seed), "done", f"{run.test.accuracy:.2%}",
                str(len(run.history.get("loss", ()))), f"{run.training_seconds:.1f}",
            )  # fmt: skip
        now = time.monotonic()
        for job, began in self._begun.items():
            name = job.recipe.name
            table.add_row(name, str(job.seed), "training", "", "", f"{now - began:.0f}")
        waiting = self._count - len(self.ended) - len(self._begun)
        if waiting:
            table.add_row("...", "", f"{waiting} waiting")
        return table


def _describe_run(run: SweepRun) -> str:
    return f"accuracy {run.test.accuracy:.2%}, {run.training_seconds:.1f} s"
