"""What a sweep found: runs that differ by their seed, and how far they lie apart."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from mnistcnn import recipes
from mnistcnn.evaluation.intervals import t_interval
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import check_int, check_non_negative


@public
@dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A network that was trained and evaluated. Immutable.

    Parameters
    ----------
    recipe : recipes.Recipe
        What it was trained by.
    seed : int
        The seed of its initial weights, of dropout and of the order of the images.
    training_seconds : float
        How long `train` took, with whatever else the machine did at the time.
    history : dict
        Lists of numbers, one an epoch, by the name of the figure, as `train` gives them.
    test : Evaluation
        What it made of the test images.
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

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON."""
        return {
            **RunSpec(self.recipe, self.seed).to_dict(),
            "training_seconds": self.training_seconds,
            "history": self.history,
            "test": self.test.to_dict(),
        }


@public
@dataclass(frozen=True, kw_only=True)
class SweepSummary:
    """How accurate a recipe is over its seeds. Immutable; prints as one line.

    Parameters
    ----------
    recipe : str
        Its name.
    accuracies : tuple of float
        The test accuracy of each run, at least one, in the order of the seeds.

    Examples
    --------
    >>> from mnistcnn import SweepSummary
    >>> print(SweepSummary(recipe="fast", accuracies=(0.9905, 0.9912, 0.9909)))
    fast: mean accuracy 99.087 % (95 % interval 98.999 % to 99.174 %), deviation 0.035 %, 3 runs
    """

    recipe: str
    accuracies: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.accuracies:
            raise ValueError("accuracies must be those of at least one run; received none")

    @property
    def mean(self) -> float:
        """The mean accuracy, in [0, 1]."""
        return statistics.fmean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the accuracies (n − 1 below); ``None`` of a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean by Student's t; ``None`` of a single run.

        It says how well these seeds tell the mean over all seeds, on these training and
        test images. How well the test images stand for others it does not say: that is
        `Evaluation.accuracy_ci`.
        """
        return t_interval(self.accuracies) if len(self.accuracies) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON."""
        return {
            "recipe": self.recipe,
            "runs": len(self.accuracies),
            "mean": self.mean,
            "deviation": self.deviation,
            "interval": None if self.interval is None else list(self.interval),
            "accuracies": list(self.accuracies),
        }

    def __str__(self) -> str:
        text = f"{self.recipe}: mean accuracy {_accuracy(self.mean)}"
        if self.interval is None or self.deviation is None:
            return f"{text}, 1 run"
        low, high = map(_accuracy, self.interval)
        return (
            f"{text} (95 % interval {low} to {high}), deviation {_accuracy(self.deviation)}, "
            f"{len(self.accuracies)} runs"
        )


@public
@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The runs of a sweep, in the order of the recipes and seeds. Immutable.

    Prints as a line for each recipe.

    Parameters
    ----------
    runs : tuple of SweepRun
        At least one.
    """

    runs: tuple[SweepRun, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("runs must hold at least one run; received none")

    @property
    def figures(self) -> tuple[SweepSummary, ...]:
        """Mean, deviation and interval of the accuracy of each recipe."""
        accuracies: dict[str, list[float]] = {}
        for run in self.runs:
            accuracies.setdefault(run.recipe.name, []).append(run.test.accuracy)
        return tuple(
            SweepSummary(recipe=name, accuracies=tuple(each)) for name, each in accuracies.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON."""
        return {
            "figures": [each.to_dict() for each in self.figures],
            "runs": [run.to_dict() for run in self.runs],
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.figures))


def _accuracy(value: float) -> str:
    return f"{100 * value:.3f} %"
