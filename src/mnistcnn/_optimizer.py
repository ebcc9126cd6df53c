"""The optimizer that a recipe asks for."""

from __future__ import annotations

from typing import Any

from mnistcnn._backend import keras
from mnistcnn.recipes import Recipe

_FIRST_SHARE = 0.1


def optimizer_for(recipe: Recipe, *, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam with the recipe's learning rate over `steps` steps."""
    assert recipe.learning_rate is not None
    return keras.optimizers.Adam(
        OneCycle(recipe.learning_rate, steps=steps, warmup=recipe.warmup),
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
    )


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises in a line to its peak and falls in a line to 0.

    The first step has nearly a tenth of the peak. After Smith and Topin, "Super-convergence"
    (2019), with one fall in place of two.

    Parameters
    ----------
    peak : float
        The highest learning rate.
    steps : int
        Steps in all, over which the rate comes down to 0.
    warmup : float
        Share of the steps in which the rate rises, in [0, 1).
    """

    def __init__(self, peak: float, *, steps: int, warmup: float) -> None:
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0: the value at the step's middle."""
        done = (keras.ops.cast(step, "float32") + 0.5) / self.steps
        falling = (1 - done) / (1 - self.warmup)
        if self.warmup == 0:
            return self.peak * falling
        rising = _FIRST_SHARE + (1 - _FIRST_SHARE) * done / self.warmup
        return self.peak * keras.ops.maximum(keras.ops.minimum(rising, falling), 0)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, as Keras asks of a schedule."""
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup}
