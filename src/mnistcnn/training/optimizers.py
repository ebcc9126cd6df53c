"""The optimizers and the learning rate schedule of the recipes."""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe

_INITIAL_FRACTION = 0.1
_KERNEL_NDIM = 4  # height, width, channels in, channels out


def make_optimizer(recipe: Recipe, *, steps: int) -> keras.optimizers.Optimizer:
    """Return the recipe's optimizer, with its learning rate scheduled over `steps` steps."""
    assert recipe.learning_rate is not None
    schedule = OneCycleSchedule(recipe.learning_rate, steps=steps, warmup=recipe.warmup)
    if recipe.optimizer == "muon":
        return Muon(
            schedule,
            adam_beta_1=recipe.beta_1,
            adam_beta_2=recipe.beta_2,
            adam_weight_decay=0,
            weight_decay=0,
        )
    return keras.optimizers.Adam(schedule, beta_1=recipe.beta_1, beta_2=recipe.beta_2)


class Muon(keras.optimizers.Muon):
    """Keras' Muon, which also orthogonalizes the update of convolution kernels.

    Muon replaces the update of a matrix by the nearest semi-orthogonal matrix (Jordan et al.,
    "Muon: an optimizer for hidden layers in neural networks", 2024). Keras applies it to 2D
    kernels only. Here a convolution kernel with more than one input channel is reshaped to a
    matrix of inputs by outputs; all other variables, including those of the first and the
    last layer, are updated by Adam.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return not (len(variable.shape) == _KERNEL_NDIM and variable.shape[2] > 1)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the orthogonalized update of a kernel."""
        matrix = super().zeropower_via_newtonschulz5(_as_matrix(x), steps)
        return keras.ops.reshape(matrix, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return the update, scaled as Keras scales that of a matrix of that size."""
        return keras.ops.reshape(super().lr_adjust(_as_matrix(x)), x.shape)


def _as_matrix(kernel: Any) -> Any:
    return keras.ops.reshape(kernel, (-1, kernel.shape[-1]))


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
