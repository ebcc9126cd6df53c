"""How to train, as data: the settings that `mnistcnn.train` follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from mnistcnn.utils.validation import (
    check_fraction,
    check_half_open,
    check_in,
    check_int,
    check_non_negative,
    check_positive,
)

MONITORS = ("val_accuracy", "val_loss", "accuracy", "loss")
_KERAS_2_2_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}


def current_metric_name(figure: str) -> str:
    """Return what Keras calls a figure today; ``val_acc`` was its name until 2.3."""
    return _KERAS_2_2_NAMES.get(figure, figure)


def check_monitor(value: Any) -> str:
    """Return the current name of a figure whose better direction is known."""
    return check_in(
        "monitor", current_metric_name(value) if isinstance(value, str) else value, MONITORS
    )


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training images are distorted, each time anew.

    An image is moved, then perhaps its stroke changed, then perhaps its paper. What leaves
    the image is lost and what enters it is black; nothing is mirrored, since a mirrored
    digit is another sign.

    Parameters
    ----------
    rotation, shear : float, default 0.0
        The most that an image is turned, and its uprights slanted, in degrees either way,
        in [0, 90).
    scale : float, default 0.0
        The most that height and width grow or shrink, each for itself, as a natural
        logarithm: 0.1 is a factor from 0.905 to 1.105. In [0, 1).
    translation : float, default 0.0
        The most that an image moves down or up, right or left, in pixels, at least 0.
    elastic_alpha : float, default 0.0
        How far pixels move against each other, root mean square in pixels, drawn evenly
        from 0 to this; at least 0.
    elastic_sigma : float, default 4.0
        Standard deviation in pixels of the Gaussian that makes neighbours move alike,
        greater than 0.
    stroke_prob : float, default 0.0
        Share of the images whose stroke grows thicker, thinner or softer, in [0, 1).
    degrade_prob : float, default 0.0
        Share of the images that are put on a soiled paper in paler ink, in [0, 1).
    max_background : float, default 0.5
        Of these: the brightest that the paper gets, in [0, 1).
    max_contrast_loss : float, default 0.6
        Of these: the most that the ink loses of its contrast to the paper, in [0, 1).
    texture_std : float, default 0.25
        Of these: the strongest that grain, clouds or streaks get, as a standard deviation
        in grey, at least 0.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another kind or outside its range.

    Examples
    --------
    >>> from mnistcnn.recipes import Augmentation
    >>> Augmentation(rotation=10, translation=1.5).translation
    1.5
    """

    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    translation: float = 0.0
    elastic_alpha: float = 0.0
    elastic_sigma: float = 4.0
    stroke_prob: float = 0.0
    degrade_prob: float = 0.0
    max_background: float = 0.5
    max_contrast_loss: float = 0.6
    texture_std: float = 0.25

    def __post_init__(self) -> None:
        kept = {
            name: check_fraction(name, getattr(self, name))
            for name in (
                "scale",
                "stroke_prob",
                "degrade_prob",
                "max_background",
                "max_contrast_loss",
            )
        }
        for name in ("rotation", "shear"):
            kept[name] = check_half_open(name, getattr(self, name), end=90)
        for name in ("translation", "elastic_alpha", "texture_std"):
            kept[name] = check_non_negative(name, getattr(self, name))
        kept["elastic_sigma"] = check_positive("elastic_sigma", self.elastic_sigma)
        for name, value in kept.items():
            object.__setattr__(self, name, value)


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
        Peak of a one-cycle schedule: the optimizer's step size rises in a line to it and
        falls in a line to 0 at the last step. ``None``: the optimizer that the model was
        compiled with.
    warmup : float, default 0.0
        With a learning rate: share of the steps in which the learning rate rises, in [0, 1).
    optimizer : {"adam", "muon"}, default "adam"
        With a learning rate: ``"muon"`` takes Muon's steps for the second convolution and
        Adam's for the rest.
    beta_1, beta_2 : float, default 0.9 and 0.999
        With a learning rate: how much Adam's two averages keep from step to step, in [0, 1).
    label_smoothing : float, default 0.0
        Share of each label's certainty that is spread evenly over the classes while
        training, in [0, 1). The training loss includes it, the validation loss does not.
    dropout : float, optional
        In place of the network's own dropout while this recipe trains it, in [0, 1).
    augmentation : Augmentation, optional
        How the training images are distorted. ``None``: not at all. Images to validate on
        never are.
    teacher : Recipe, optional
        How a larger network, of 143,978 parameters, is trained first, to its last step. The
        network then learns to answer each image as that one does, in place of its label. It
        may be distorted otherwise than the teacher's images were. ``None``: there is none.
    num_teachers : int, default 1
        How many such networks are trained, each from a draw of its own. The mean of their
        logits is what is learned. At least 1.
    distillation_temperature : float, default 2.0
        With a teacher: by what the logits are divided before they become the
        probabilities that it teaches, above 0. More shows more of the lesser ones.

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
    optimizer: Literal["adam", "muon"] = "adam"
    beta_1: float = 0.9
    beta_2: float = 0.999
    label_smoothing: float = 0.0
    dropout: float | None = None
    augmentation: Augmentation | None = None
    teacher: Recipe | None = None
    num_teachers: int = 1
    distillation_temperature: float = 2.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a text that is not empty; received {self.name!r}")
        kept: dict[str, Any] = {
            "epochs": check_int("epochs", self.epochs, minimum=1),
            "batch_size": check_int("batch_size", self.batch_size, minimum=1),
            "patience": check_int("patience", self.patience, minimum=0),
            "num_teachers": check_int("num_teachers", self.num_teachers, minimum=1),
            "min_delta": check_non_negative("min_delta", self.min_delta),
        }
        for name in ("validation_split", "warmup", "beta_1", "beta_2", "label_smoothing"):
            kept[name] = check_fraction(name, getattr(self, name))
        if self.monitor is not None:
            kept["monitor"] = check_monitor(self.monitor)
        if self.learning_rate is not None:
            kept["learning_rate"] = check_positive("learning_rate", self.learning_rate)
        kept["optimizer"] = check_in("optimizer", self.optimizer, ("adam", "muon"))
        if self.dropout is not None:
            kept["dropout"] = check_fraction("dropout", self.dropout)
        if not isinstance(self.augmentation, Augmentation | None):
            raise TypeError(
                f"augmentation must be a recipes.Augmentation; received {self.augmentation!r}"
            )
        self._check_teacher()
        kept["distillation_temperature"] = check_positive(
            "distillation_temperature", self.distillation_temperature
        )
        for name, value in kept.items():
            object.__setattr__(self, name, value)  # NumPy's numbers become plain ones

    def _check_teacher(self) -> None:
        if not isinstance(self.teacher, Recipe | None):
            raise TypeError(f"teacher must be a recipes.Recipe; received {self.teacher!r}")
        if self.teacher is None:
            return
        if self.teacher.learning_rate is None:
            raise ValueError("teacher must have a learning_rate; received None")
        if self.teacher.teacher is not None:
            raise ValueError("teacher must have no teacher of its own; received one that has")
        if self.teacher.monitor is not None or self.teacher.validation_split:
            raise ValueError(
                "teacher must have neither monitor nor validation_split, since it ends at its "
                f"last step; received {self.teacher.monitor!r} and {self.teacher.validation_split}"
            )
        if self.label_smoothing:
            raise ValueError(
                "label_smoothing must be 0 with a teacher, which takes the labels' place; "
                f"received {self.label_smoothing}"
            )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Recipe:
        """Return the recipe that `to_dict` described; what is not named has its default."""
        if not isinstance(settings, Mapping):
            raise TypeError(f"settings must be a dictionary; received {settings!r}")
        parts: dict[str, Any] = {}
        if settings.get("augmentation") is not None:
            parts["augmentation"] = Augmentation(**settings["augmentation"])
        if settings.get("teacher") is not None:
            parts["teacher"] = cls.from_dict(settings["teacher"])
        return cls(**{**settings, **parts})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, ready for JSON; those of the augmentation within."""
        return asdict(self)


BASELINE = Recipe(
    name="baseline",
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

# Student and teachers see digits moved alike; the teachers see soiled paper, too.
_GEOMETRIC = Augmentation(rotation=8, shear=6, scale=0.08, translation=1.6, elastic_alpha=0.8)

BEST = Recipe(
    name="best",
    epochs=24,
    batch_size=128,
    learning_rate=0.004,
    warmup=0.05,
    optimizer="muon",
    beta_2=0.99,
    dropout=0.0,
    augmentation=_GEOMETRIC,
    teacher=Recipe(
        name="teacher",
        epochs=24,
        batch_size=128,
        learning_rate=0.003,
        warmup=0.05,
        optimizer="muon",
        beta_2=0.99,
        augmentation=replace(_GEOMETRIC, stroke_prob=0.3, degrade_prob=0.25, max_contrast_loss=0.5),
    ),
    num_teachers=2,
    distillation_temperature=2.0,
)
"""Taught by two larger networks that learn first, for digits in MNIST's layout in any hand."""

ROBUST = Recipe(
    name="robust",
    epochs=30,
    batch_size=128,
    learning_rate=0.0015,
    warmup=0.05,
    optimizer="muon",
    beta_2=0.99,
    dropout=0.0,
    augmentation=Augmentation(
        rotation=10,
        shear=8,
        scale=0.1,
        translation=2.2,
        elastic_alpha=0.8,
        stroke_prob=0.3,
        degrade_prob=0.35,
        max_contrast_loss=0.8,
        texture_std=0.4,
    ),
)
"""Many passes over images of which a third is soiled, to read damaged digits."""

DOCUMENTED = BASELINE
"""Former name of `BASELINE`; ``recipe="documented"`` is still accepted."""

RECIPES = MappingProxyType({recipe.name: recipe for recipe in (BASELINE, FAST, BEST, ROBUST)})
"""The recipes that ``recipe="name"`` accepts."""


def get(recipe: str | Recipe) -> Recipe:
    """Return a recipe as it is, or the one of that name.

    Raises
    ------
    TypeError, ValueError
        If it is neither a recipe nor the name of one.

    Examples
    --------
    >>> from mnistcnn import recipes
    >>> recipes.get("baseline") is recipes.BASELINE
    True
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"recipe must be a name or a recipes.Recipe; received {recipe!r}")
    if recipe == "documented":
        return BASELINE
    return RECIPES[check_in("recipe", recipe, tuple(RECIPES))]
