"""How to train, as data: the settings that `mnistcnn.train` follows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from mnistcnn import _checks


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to train the network.

    A recipe is immutable; ``dataclasses.replace(recipe, epochs=10)`` makes another.

    Parameters
    ----------
    name : str
        What it is called in messages and results.
    epochs : int
        Passes over the training images, at least 1.
    batch_size : int
        Images in a step, at least 1.
    validation_split : float, default 0.0
        Share of the images, the last ones, held out to validate on, in [0, 1).
    monitor : str, optional
        The figure that early stopping and the checkpoint watch, as `default_callbacks`
        takes it. ``None``: the recipe has no callbacks of its own and ends at its last
        step.
    min_delta : float, default 0.0
        The least change of `monitor` that early stopping counts as better, at least 0.
    patience : int, default 0
        Epochs without a change for the better before training stops, at least 0.
    learning_rate : float, optional
        Peak of a one-cycle schedule: Adam's step size rises in a line to it and falls in a
        line to 0 at the last step. ``None``: the optimizer that the model was compiled with.
    warmup : float, default 0.0
        With a learning rate: share of the steps in which the learning rate rises, in [0, 1).
    beta_1, beta_2 : float, default 0.9 and 0.999
        With a learning rate: how much Adam's two averages keep from step to step, in [0, 1).
    label_smoothing : float, default 0.0
        Share of each label's certainty that is spread evenly over the classes while
        training, in [0, 1). The training loss includes it, the validation loss does not.
    dropout : float, optional
        In place of the network's own dropout while this recipe trains it, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        If a setting is of another kind or outside its range.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mnistcnn.recipes import DOCUMENTED
    >>> DOCUMENTED.epochs, DOCUMENTED.batch_size, DOCUMENTED.validation_split
    (5, 32, 0.3)
    >>> replace(DOCUMENTED, name="longer", epochs=10).epochs
    10
    """

    name: str
    epochs: int
    batch_size: int
    validation_split: float = 0.0
    monitor: str | None = None
    min_delta: float = 0.0
    patience: int = 0
    learning_rate: float | None = None
    warmup: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    label_smoothing: float = 0.0
    dropout: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a text that is not empty; received {self.name!r}")
        kept: dict[str, Any] = {
            "epochs": _checks.whole_number("epochs", self.epochs, at_least=1),
            "batch_size": _checks.whole_number("batch_size", self.batch_size, at_least=1),
            "patience": _checks.whole_number("patience", self.patience, at_least=0),
            "min_delta": _checks.not_negative("min_delta", self.min_delta),
        }
        for name in ("validation_split", "warmup", "beta_1", "beta_2", "label_smoothing"):
            kept[name] = _checks.fraction(name, getattr(self, name))
        if self.monitor is not None:
            kept["monitor"] = _checks.monitor(self.monitor)
        if self.learning_rate is not None:
            kept["learning_rate"] = _checks.positive("learning_rate", self.learning_rate)
        if self.dropout is not None:
            kept["dropout"] = _checks.fraction("dropout", self.dropout)
        for name, value in kept.items():
            object.__setattr__(self, name, value)  # NumPy's numbers become plain ones

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, ready for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


DOCUMENTED = Recipe(
    name="documented",
    epochs=5,
    batch_size=32,
    validation_split=0.3,
    monitor="val_accuracy",
    min_delta=0.01,
    patience=4,
)
"""The training of the document, with 5 epochs, batches of 32 and the last 30 % held out."""

FAST = Recipe(
    name="fast",
    epochs=1,
    batch_size=128,
    learning_rate=0.01,
    warmup=0.2,
    beta_1=0.7,
    beta_2=0.9,
    label_smoothing=0.1,
    dropout=0.0,
)
"""One pass over the images in a one-cycle schedule, to 99 % on MNIST in seconds."""

NAMED = MappingProxyType({recipe.name: recipe for recipe in (DOCUMENTED, FAST)})
"""The recipes that ``recipe="name"`` understands."""


def find(recipe: str | Recipe) -> Recipe:
    """Return a recipe as it is, or the one of that name.

    Raises
    ------
    TypeError, ValueError
        If it is neither a recipe nor the name of one.

    Examples
    --------
    >>> from mnistcnn import recipes
    >>> recipes.find("documented") is recipes.DOCUMENTED
    True
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"recipe must be a name or a recipes.Recipe; received {recipe!r}")
    return NAMED[_checks.one_of("recipe", recipe, tuple(NAMED))]
