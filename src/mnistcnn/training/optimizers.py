"""The optimizers of the recipes."""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe
from mnistcnn.training.learning_rate_schedules import OneCycleSchedule

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
