"""The learning rate schedule of the recipes."""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras

_INITIAL_FRACTION = 0.1  # of the peak, at the first step


class OneCycleSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly to its peak and falls linearly to 0.

    It starts at about a tenth of the peak. After Smith and Topin, "Super-convergence" (2019),
    with a single annealing phase.

    Parameters
    ----------
    peak : float
        The highest learning rate.
    steps : int
        Total number of steps.
    warmup : float
        Fraction of the steps in which the rate rises, in [0, 1).
    """

    def __init__(self, peak: float, *, steps: int, warmup: float) -> None:
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, numbered from 0, evaluated at the middle of the step."""
        done = (keras.ops.cast(step, "float32") + 0.5) / self.steps
        falling = (1 - done) / (1 - self.warmup)
        if self.warmup == 0:
            return self.peak * falling
        rising = _INITIAL_FRACTION + (1 - _INITIAL_FRACTION) * done / self.warmup
        return self.peak * keras.ops.maximum(keras.ops.minimum(rising, falling), 0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup}
