"""Recipes: the settings that `mnistcnn.train` trains with, as immutable data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal

from mnistcnn.notebook import html
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import (
    check_bool,
    check_fraction,
    check_half_open,
    check_in,
    check_int,
    check_non_negative,
    check_positive,
)

__all__ = [
    "BASELINE",
    "BEST",
    "DOCUMENTED",
    "FAST",
    "FINETUNE",
    "RECIPES",
    "ROBUST",
    "Augmentation",
    "Recipe",
    "get",
]

#: The names of the recipes, which editors complete.
RecipeName = Literal["baseline", "fast", "best", "robust", "finetune"]
SPLITS = ("last", "shuffled", "stratified")
MONITORS = ("val_accuracy", "val_loss", "accuracy", "loss")
_KERAS_2_2_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}


def __dir__() -> list[str]:
    """Return the public names, which an editor or notebook completes."""
    return list(__all__)


def current_metric_name(name: str) -> str:
    """Return Keras' current name of a metric; ``val_acc`` was one until Keras 2.3."""
    return _KERAS_2_2_NAMES.get(name, name)


def other_metric_name(name: str) -> str:
    """Return the other name of a metric: ``acc`` for ``accuracy`` and the reverse."""
    current_names = {current: old for old, current in _KERAS_2_2_NAMES.items()}
    return current_names.get(name, current_metric_name(name))


def check_monitor(value: Any) -> str:
    """Return the current name of a metric that early stopping and checkpoints can monitor."""
    name = current_metric_name(value) if isinstance(value, str) else value
    return check_in("monitor", name, MONITORS)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random distortions of the training images, drawn again for each image in each epoch.

    The order is: geometric distortion, stroke width, degraded background. Pixels that move into
    the image are 0. Images are never mirrored, since a mirrored digit is another sign.

    Parameters
    ----------
    rotation, shear : float, default 0.0
        Largest angle in degrees, in either direction, by which an image is rotated and by which
        its vertical lines are slanted, in [0, 90).
    scale : float, default 0.0
        Largest absolute natural logarithm of the factors by which height and width are scaled,
        independently of each other, in [0, 1); 0.1 means factors from 0.905 to 1.105.
    translation : float, default 0.0
        Largest shift in pixels along each axis, in either direction, at least 0.
    elastic_alpha : float, default 0.0
        Largest root mean square displacement in pixels of an elastic distortion [1]_, at least
        0. The displacement of an image is uniform between 0 and this.
    elastic_sigma : float, default 4.0
        Standard deviation in pixels of the Gaussian filter that smooths the elastic
        displacements, greater than 0.
    stroke_prob : float, default 0.0
        Probability that the stroke of an image is thickened, thinned or blurred, in [0, 1).
    degrade_prob : float, default 0.0
        Probability that the background of an image is degraded and its contrast reduced,
        in [0, 1).
    max_background : float, default 0.5
        Largest brightness of a degraded background, in [0, 1).
    max_contrast_loss : float, default 0.6
        Largest share of the contrast between ink and degraded background that is removed, in
        [0, 1).
    texture_std : float, default 0.25
        Largest standard deviation in gray levels (0 to 1) of the texture of a degraded
        background: noise, clouds or streaks; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a field has the wrong type or is out of range.

    References
    ----------
    .. [1] P. Simard, D. Steinkraus and J. Platt, "Best Practices for Convolutional Neural
       Networks Applied to Visual Document Analysis", ICDAR 2003.

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
        values = {
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
            values[name] = check_half_open(name, getattr(self, name), end=90)
        for name in ("translation", "elastic_alpha", "texture_std"):
            values[name] = check_non_negative(name, getattr(self, name))
        values["elastic_sigma"] = check_positive("elastic_sigma", self.elastic_sigma)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Augmentation({', '.join(f'{name}={text}' for name, text in _changed(self))})"


def _changed(settings: Augmentation | Recipe) -> list[tuple[str, str]]:
    """Return name and text of each setting that is not the default."""
    values = [(field, getattr(settings, field.name)) for field in fields(settings)]
    return [
        # The settings of a teacher would make the text three times as long.
        (field.name, f"<{value.name}>" if isinstance(value, Recipe) else quote(value))
        for field, value in values
        if value != field.default
    ]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a training run.

    A recipe is immutable; ``dataclasses.replace(recipe, epochs=10)`` returns a changed copy.

    Parameters
    ----------
    name : str
        Name in messages and results; not empty.
    epochs : int
        Number of passes over the training images, at least 1.
    batch_size : int
        Images per step, at least 1.
    validation_split : float, default 0.0
        Share of the images that is held out for validation, in [0, 1).
    split : {"last", "shuffled", "stratified"}, default "last"
        Which images are held out, see `train`.
    monitor : {"val_accuracy", "val_loss", "accuracy", "loss"}, optional
        Metric that early stopping and the checkpoint monitor, see `default_callbacks`.
        ``None``: the recipe adds no callbacks, and the weights are those of the last step. A
        recipe with a `validation_split` of 0 monitors the validation only if `train` is given
        validation images.
    min_delta : float, default 0.0
        Smallest change of `monitor` that early stopping counts as an improvement, at least 0.
    patience : int, default 0
        Epochs without an improvement after which training stops, at least 0.
    restore_best_weights : bool, default False
        Whether the model has the weights of the epoch with the best `monitor` when training
        ends. The recipe then adds no checkpoint, and no file is written.
    learning_rate : float, optional
        Peak of a one-cycle schedule [1]_, greater than 0: the learning rate rises linearly to
        it and then falls linearly to 0 at the last step. ``None``: the optimizer that the model
        was compiled with.
    warmup : float, default 0.0
        Share of the steps in which the learning rate rises, in [0, 1). Used with
        `learning_rate`.
    optimizer : {"adam", "muon"}, default "adam"
        ``"muon"`` trains the second convolution with Muon [2]_ and the other layers with Adam.
        Used with `learning_rate`.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay rates of Adam's first and second moment estimates, in [0, 1). Used with
        `learning_rate`.
    freeze_convolutions : bool, default False
        Whether the convolutions keep their weights and only the other layers are trained, as
        in fine-tuning on few images.
    label_smoothing : float, default 0.0
        Share of each training label that is spread evenly over the classes, in [0, 1). The
        validation loss is computed without it.
    dropout : float, optional
        Dropout rate during this training, in [0, 1). ``None``: that of the model.
    augmentation : Augmentation, optional
        Distortions of the training images; validation images stay as they are. ``None``: no
        augmentation.
    teacher : Recipe, optional
        Recipe of a larger network, of 143,978 parameters, that is trained first. The network
        is then trained on its outputs instead of the labels (knowledge distillation [3]_):
        each image, distorted by `augmentation`, is input to both. ``None``: no distillation.
    num_teachers : int, default 1
        Number of such networks, trained with different seeds, at least 1. The distillation
        targets come from the mean of their logits.
    distillation_temperature : float, default 2.0
        Divisor of the teachers' logits before the softmax, greater than 0. A higher
        temperature gives the less likely classes more weight.

    Raises
    ------
    TypeError, ValueError
        If a field has the wrong type or is out of range.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2017, https://arxiv.org/abs/1708.07120
    .. [2] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
       https://kellerjordan.github.io/posts/muon/
    .. [3] G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network",
       2015, https://arxiv.org/abs/1503.02531

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mnistcnn.recipes import BASELINE
    >>> BASELINE.epochs, BASELINE.batch_size, BASELINE.validation_split
    (5, 32, 0.3)
    >>> replace(BASELINE, name="longer", epochs=10).epochs
    10
    """

    name: str
    epochs: int
    batch_size: int
    validation_split: float = 0.0
    split: Literal["last", "shuffled", "stratified"] = "last"
    monitor: str | None = None
    min_delta: float = 0.0
    patience: int = 0
    restore_best_weights: bool = False
    learning_rate: float | None = None
    warmup: float = 0.0
    optimizer: Literal["adam", "muon"] = "adam"
    beta_1: float = 0.9
    beta_2: float = 0.999
    freeze_convolutions: bool = False
    label_smoothing: float = 0.0
    dropout: float | None = None
    augmentation: Augmentation | None = None
    teacher: Recipe | None = None
    num_teachers: int = 1
    distillation_temperature: float = 2.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a non-empty string; received {quote(self.name)}")
        values: dict[str, Any] = {
            "epochs": check_int("epochs", self.epochs, minimum=1),
            "batch_size": check_int("batch_size", self.batch_size, minimum=1),
            "patience": check_int("patience", self.patience, minimum=0),
            "num_teachers": check_int("num_teachers", self.num_teachers, minimum=1),
            "min_delta": check_non_negative("min_delta", self.min_delta),
            "split": check_in("split", self.split, SPLITS),
        }
        for name in ("restore_best_weights", "freeze_convolutions"):
            values[name] = check_bool(name, getattr(self, name))
        for name in ("validation_split", "warmup", "beta_1", "beta_2", "label_smoothing"):
            values[name] = check_fraction(name, getattr(self, name))
        if self.monitor is not None:
            values["monitor"] = check_monitor(self.monitor)
        if self.learning_rate is not None:
            values["learning_rate"] = check_positive("learning_rate", self.learning_rate)
        values["optimizer"] = check_in("optimizer", self.optimizer, ("adam", "muon"))
        if self.dropout is not None:
            values["dropout"] = check_fraction("dropout", self.dropout)
        if not isinstance(self.augmentation, Augmentation | None):
            raise TypeError(
                f"augmentation must be a recipes.Augmentation; received {quote(self.augmentation)}"
            )
        self._check_teacher()
        if self.restore_best_weights and self.monitor is None:
            raise ValueError(
                "restore_best_weights must be False for a recipe without a monitor; received True"
            )
        values["distillation_temperature"] = check_positive(
            "distillation_temperature", self.distillation_temperature
        )
        for name, value in values.items():
            object.__setattr__(self, name, value)  # NumPy numbers become Python numbers

    def _check_teacher(self) -> None:
        if not isinstance(self.teacher, Recipe | None):
            raise TypeError(f"teacher must be a recipes.Recipe; received {quote(self.teacher)}")
        if self.teacher is None:
            return
        if self.teacher.learning_rate is None:
            raise ValueError("teacher must have a learning_rate; received None")
        if self.teacher.teacher is not None:
            raise ValueError("teacher must not have a teacher itself; received one that has")
        if self.teacher.monitor is not None or self.teacher.validation_split:
            raise ValueError(
                "teacher must have neither monitor nor validation_split, since it is trained to "
                f"its last step; received {self.teacher.monitor!r} and "
                f"{self.teacher.validation_split}"
            )
        if self.label_smoothing:
            raise ValueError(
                "label_smoothing must be 0 with a teacher, whose outputs replace the labels; "
                f"received {self.label_smoothing}"
            )

    def __repr__(self) -> str:
        return f"Recipe({', '.join(f'{name}={text}' for name, text in _changed(self))})"

    def _repr_html_(self) -> str:
        settings = html.table(_changed(self)[1:], left_columns=2)  # without the name
        return html.block(html.heading("Recipe", self.name), settings)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Recipe:
        """Return the recipe with these settings, as `to_dict` returns them; others are defaults."""
        if not isinstance(settings, Mapping):
            raise TypeError(f"settings must be a mapping; received {quote(settings)}")
        nested: dict[str, Any] = {}
        if settings.get("augmentation") is not None:
            nested["augmentation"] = Augmentation(**settings["augmentation"])
        if settings.get("teacher") is not None:
            nested["teacher"] = cls.from_dict(settings["teacher"])
        return cls(**{**settings, **nested})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name as a nested dictionary that JSON can represent."""
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
"""Baseline recipe with 5 epochs, batches of 32 and the last 30 % of the images for validation."""

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
"""One epoch with a one-cycle schedule; reaches 99 % test accuracy on MNIST in seconds."""

# Student and teachers share the geometric distortions; only the teachers see degraded images.
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
"""Distillation from two larger networks; the highest accuracy on images like those of MNIST."""

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
"""Many epochs with degraded backgrounds; the highest accuracy on degraded images."""

FINETUNE = Recipe(
    name="finetune",
    epochs=30,
    batch_size=32,
    split="stratified",
    monitor="val_loss",
    patience=10,
    restore_best_weights=True,
    learning_rate=0.003,
    warmup=0.1,
    dropout=0.0,
    freeze_convolutions=True,
)
"""Fine-tuning of a pretrained network, with a low rate and frozen convolutions."""

DOCUMENTED = BASELINE
"""Former name of `BASELINE`; ``recipe="documented"`` is still accepted."""

RECIPES = MappingProxyType(
    {recipe.name: recipe for recipe in (BASELINE, FAST, BEST, ROBUST, FINETUNE)}
)
"""The recipes that ``recipe="name"`` accepts."""


def get(recipe: RecipeName | Recipe) -> Recipe:
    """Return the recipe of that name; return a `Recipe` unchanged.

    Raises
    ------
    TypeError, ValueError
        If `recipe` is neither a `Recipe` nor the name of one.

    Examples
    --------
    >>> from mnistcnn import recipes
    >>> recipes.get("baseline") is recipes.BASELINE
    True
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"recipe must be a name or a recipes.Recipe; received {quote(recipe)}")
    name: str = recipe
    if name == "documented":
        return BASELINE
    return RECIPES[check_in("recipe", name, tuple(RECIPES))]
