"""A progress bar in a notebook: one output, without ipywidgets."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from mnistcnn.notebook.html import escape
from mnistcnn.notebook.kernel import display

_MIN_INTERVAL = 0.25  # seconds between two updates, each of which is saved in the notebook
_TEXT_WIDTH = 20


@dataclass
class _Task:
    description: str
    total: float | None
    completed: float = 0.0
    first: float | None = None  # what was completed before, such as by a run that is resumed
    fields: dict[str, Any] = field(default_factory=dict)


class NotebookProgress:
    """One progress bar as an output of the cell.

    Rich's ``Progress`` needs ipywidgets in a notebook; this class has those of its methods that
    the package uses, for one task.

    Parameters
    ----------
    unit : str, optional
        What is counted, such as ``"MB"``; shown behind the numbers. Default: no numbers.
    scale : float, default 1.0
        Number of steps in one `unit`.
    """

    def __init__(self, *, unit: str | None = None, scale: float = 1.0) -> None:
        self._unit, self._scale = unit, scale
        self._task: _Task | None = None
        self._handle: Any = None
        self._started = self._last_shown = 0.0

    def add_task(self, description: str, *, total: float | None, **fields: Any) -> Any:
        """Start the bar."""
        self._task = _Task(description, total, fields=fields)
        self._started = time.monotonic()
        self._show(time.monotonic())
        return 0

    def update(
        self,
        task: Any,
        *,
        description: str | None = None,
        completed: float | None = None,
        advance: float = 0.0,
        total: float | None = None,
        **fields: Any,
    ) -> None:
        """Change the task; show it unless an update was shown just before."""
        del task
        assert self._task is not None
        state = self._task
        state.description = state.description if description is None else description
        state.completed = (state.completed if completed is None else completed) + advance
        state.first = state.completed - advance if state.first is None else state.first
        state.total = state.total if total is None else total
        state.fields |= fields
        now = time.monotonic()
        if now - self._last_shown >= _MIN_INTERVAL:
            self._show(now)

    def advance(self, task: Any) -> None:
        """Advance the task by one."""
        self.update(task, advance=1.0)

    def start(self) -> None:
        """Do nothing: the bar starts with its task."""

    def stop(self) -> None:
        """Show the last state."""
        if self._task is not None:
            self._show(time.monotonic(), stopped=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None and kind is not None:
            reason = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
            self._task.description += f" ({reason})"
        self.stop()

    def _show(self, now: float, *, stopped: bool = False) -> None:
        assert self._task is not None
        state, elapsed = self._task, now - self._started
        done = 0.0 if not state.total else min(1.0, state.completed / state.total)
        details = [str(value) for value in state.fields.values() if value != ""]
        if self._unit is not None:
            amount = f"{state.completed / self._scale:,.0f}"
            of = "" if state.total is None else f" of {state.total / self._scale:,.0f}"
            details.append(f"{amount}{of} {self._unit}")
        details.append(format_duration(elapsed))
        progress = state.completed - (state.first or 0.0)
        if state.total and progress > 0 and not stopped:
            remaining = elapsed / progress * max(0.0, state.total - state.completed)
            details.append(f"{format_duration(remaining)} left")
        value = "" if state.total is None else f' value="{done:.4f}"'
        html = (
            '<div style="font-variant-numeric: tabular-nums">'
            f"{escape(state.description)} "
            f'<progress max="1"{value} style="width: 12em; vertical-align: middle"></progress> '
            f"{escape(', '.join(details))}</div>"
        )
        bar = "#" * round(done * _TEXT_WIDTH)
        text = f"{state.description} [{bar:.<{_TEXT_WIDTH}}] {', '.join(details)}"
        self._handle = display(html, text, handle=self._handle)
        self._last_shown = now


def format_duration(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
