"""Progress of a sweep: a table in a terminal, a bar in a notebook, otherwise lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.notebook.progress_bar import NotebookProgress
from mnistcnn.sweeps.results import SweepRun
from mnistcnn.sweeps.worker import RunSpec

_MAX_ROWS = 12
_REFRESHES_PER_SECOND = 2

Display = Callable[[RunSpec, SweepRun | None], None]


@contextmanager
def sweep_progress(
    verbose: Literal["auto", 0, 1, 2],
    specs: Sequence[RunSpec],
    finished: Mapping[RunSpec, SweepRun],
) -> Iterator[Display]:
    """Provide a function to call when a run starts (with ``None``) and when it ends."""
    console = Console(file=sys.stdout, highlight=False, force_jupyter=False)
    if verbose == "auto":
        verbose = 1 if console.is_terminal or in_notebook() else 2
    if verbose == 0:
        yield lambda _spec, _run: None
        return
    if finished:
        console.print(f"Loaded {len(finished)} of {len(specs)} runs from the output folder.")
    state = SweepState(specs, finished)
    if verbose == 2:

        def print_line(spec: RunSpec, run: SweepRun | None) -> None:
            state.update(spec, run)
            if run is not None:
                console.print(
                    f"{spec}: accuracy {run.test.accuracy:.2%}, {run.training_seconds:.1f} s "
                    f"({len(state.finished)} of {len(specs)})"
                )

        yield print_line
        return
    if in_notebook():
        with NotebookProgress(unit="runs") as bar:
            yield _BarDisplay(bar, state, len(specs))
        return
    with Live(
        console=console, get_renderable=state.table, refresh_per_second=_REFRESHES_PER_SECOND
    ):
        yield state.update


class _BarDisplay:
    """The bar in a notebook, with the last finished run."""

    def __init__(self, bar: NotebookProgress, state: SweepState, total: int) -> None:
        self._bar, self._state = bar, state
        done = len(state.finished)
        self._task = bar.add_task("Sweep", total=total, last="")
        bar.update(self._task, completed=done)

    def __call__(self, spec: RunSpec, run: SweepRun | None) -> None:
        self._state.update(spec, run)
        if run is not None:
            last = f"{spec}: accuracy {run.test.accuracy:.2%}"
            self._bar.update(self._task, completed=len(self._state.finished), last=last)


class SweepState:
    """The runs of a sweep that are finished, running and waiting."""

    def __init__(self, specs: Sequence[RunSpec], finished: Mapping[RunSpec, SweepRun]) -> None:
        self._num_runs = len(specs)
        self._start_times: dict[RunSpec, float] = {}
        self.finished: dict[RunSpec, SweepRun] = dict(finished)

    def update(self, spec: RunSpec, run: SweepRun | None) -> None:
        """Record the start of a run (``None``) or its result."""
        if run is None:
            self._start_times[spec] = time.monotonic()
        else:
            self._start_times.pop(spec, None)
            self.finished[spec] = run

    def table(self) -> Table:
        """Return a table of the last finished runs, the running ones and how many are waiting."""
        table = Table(box=None, pad_edge=False)
        for name in ("recipe", "seed", "", "accuracy", "epochs", "seconds"):
            table.add_column(name, justify="left" if name in ("recipe", "") else "right")
        num_hidden = len(self.finished) - _MAX_ROWS
        if num_hidden > 0:
            table.add_row("...", "", f"{num_hidden} more")
        for spec, run in list(self.finished.items())[-_MAX_ROWS:]:
            table.add_row(
                spec.recipe.name, str(spec.seed), "done", f"{run.test.accuracy:.2%}",
                str(len(run.history.get("loss", ()))), f"{run.training_seconds:.1f}",
            )  # fmt: skip
        now = time.monotonic()
        for spec, start in self._start_times.items():
            name = spec.recipe.name
            table.add_row(name, str(spec.seed), "training", "", "", f"{now - start:.0f}")
        num_waiting = self._num_runs - len(self.finished) - len(self._start_times)
        if num_waiting:
            table.add_row("...", "", f"{num_waiting} waiting")
        return table
