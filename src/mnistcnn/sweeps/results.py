"""Results of a sweep: its runs, and a summary of the accuracies of each recipe."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from mnistcnn import recipes
from mnistcnn.evaluation.intervals import t_interval
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.notebook import html
from mnistcnn.public import public
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int, check_non_negative


@public
@dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A trained and evaluated model of a sweep. Immutable.

    Parameters
    ----------
    recipe : recipes.Recipe
        The training recipe.
    seed : int
        The seed of the initial weights, of dropout and of the order of the images.
    training_seconds : float
        Duration of `train`, which depends on what else the machine was running.
    history : dict
        Lists with one number per epoch, by metric, as in the history that `train` returns.
    test : Evaluation
        The evaluation on the test images.
    """

    recipe: recipes.Recipe
    seed: int
    training_seconds: float
    history: dict[str, list[float]]
    test: Evaluation

    def __post_init__(self) -> None:
        check_evaluation("test", self.test)
        check_int("seed", self.seed, minimum=0)
        check_non_negative("training_seconds", self.training_seconds)

    def __repr__(self) -> str:
        return (
            f"SweepRun(recipe={quote(self.recipe.name)}, seed={self.seed}, "
            f"accuracy={self.test.accuracy:.4f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all fields in a form that JSON can store."""
        return {
            **RunSpec(self.recipe, self.seed).to_dict(),
            "training_seconds": self.training_seconds,
            "history": self.history,
            "test": self.test.to_dict(),
        }


@public
@dataclass(frozen=True, kw_only=True)
class SweepSummary:
    """Mean, standard deviation and confidence interval of a recipe's accuracy. Immutable.

    Prints as one line.

    Parameters
    ----------
    recipe : str
        The name of the recipe.
    accuracies : tuple of float
        The test accuracy of each run, at least one, in the order of the seeds.

    Examples
    --------
    >>> from mnistcnn import SweepSummary
    >>> print(SweepSummary(recipe="fast", accuracies=(0.9905, 0.9912, 0.9909)))
    fast: mean accuracy 99.087 % (95 % CI 98.999 % to 99.174 %), std 0.035 %, 3 runs
    """

    recipe: str
    accuracies: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.accuracies:
            raise ValueError("accuracies must hold at least one accuracy; received none")

    @property
    def mean(self) -> float:
        """The mean accuracy, in [0, 1]."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float | None:
        """The sample standard deviation (``ddof=1``) of the accuracies; ``None`` for one run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def mean_ci(self) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean (Student's t); ``None`` for one run.

        It estimates the mean over all seeds, for these training and test images. It does not
        cover the choice of the test images; the confidence interval of each `Evaluation` does.
        """
        return t_interval(self.accuracies) if len(self.accuracies) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return fields and statistics in a form that JSON can store."""
        return {
            "recipe": self.recipe,
            "runs": len(self.accuracies),
            "mean": self.mean,
            "std": self.std,
            "mean_ci": None if self.mean_ci is None else list(self.mean_ci),
            "accuracies": list(self.accuracies),
        }

    def __str__(self) -> str:
        text = f"{self.recipe}: mean accuracy {_percent(self.mean)}"
        if self.mean_ci is None or self.std is None:
            return f"{text}, 1 run"
        low, high = map(_percent, self.mean_ci)
        return (
            f"{text} (95 % CI {low} to {high}), std {_percent(self.std)}, "
            f"{len(self.accuracies)} runs"
        )


@public
@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The runs of a sweep, in the order of the recipes and seeds. Immutable.

    Prints as one line per recipe.

    Parameters
    ----------
    runs : tuple of SweepRun
        At least one run.
    """

    runs: tuple[SweepRun, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("runs must hold at least one run; received none")

    @property
    def summaries(self) -> tuple[SweepSummary, ...]:
        """A summary of the accuracies of each recipe."""
        accuracies: dict[str, list[float]] = {}
        for run in self.runs:
            accuracies.setdefault(run.recipe.name, []).append(run.test.accuracy)
        return tuple(
            SweepSummary(recipe=recipe, accuracies=tuple(values))
            for recipe, values in accuracies.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return runs and summaries in a form that JSON can store."""
        return {
            "summaries": [summary.to_dict() for summary in self.summaries],
            "runs": [run.to_dict() for run in self.runs],
        }

    def __repr__(self) -> str:
        means = {summary.recipe: round(summary.mean, 4) for summary in self.summaries}
        return f"Sweep({len(self.runs)} runs, mean_accuracy={quote(means)})"

    def __str__(self) -> str:
        return "\n".join(map(str, self.summaries))

    def _repr_html_(self) -> str:
        rows = []
        for summary in self.summaries:
            interval = ""
            if summary.mean_ci is not None:
                interval = " to ".join(map(_percent, summary.mean_ci))
            std = "" if summary.std is None else _percent(summary.std)
            rows.append(
                (summary.recipe, len(summary.accuracies), _percent(summary.mean), interval, std)
            )
        header = ("recipe", "runs", "mean accuracy", "95 % CI", "std")
        return html.block(html.heading("Sweep"), html.table(rows, header=header))


def _percent(value: float) -> str:
    return f"{100 * value:.3f} %"
