"""How to train, as data: the settings that `mnistcnn.train` follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from mnistcnn import _checks


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
    shift : float, default 0.0
        The most that an image moves down or up, right or left, in pixels, at least 0.
    elastic : float, default 0.0
        How far pixels move against each other, root mean square in pixels, drawn evenly
        from 0 to this; at least 0.
    elastic_smoothness : float, default 4.0
        Standard deviation in pixels of the Gaussian that makes neighbours move alike,
        greater than 0.
    stroke : float, default 0.0
        Share of the images whose stroke grows thicker, thinner or softer, in [0, 1).
    soil : float, default 0.0
        Share of the images that are put on a soiled paper in paler ink, in [0, 1).
    paper : float, default 0.5
        Of these: the brightest that the paper gets, in [0, 1).
    fading : float, default 0.6
        Of these: the most that the ink loses of its contrast to the paper, in [0, 1).
    texture : float, default 0.25
        Of these: the strongest that grain, clouds or streaks get, as a standard deviation
        in grey, at least 0.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another kind or outside its range.

    Examples
    --------
    >>> from mnistcnn.recipes import Augmentation
    >>> Augmentation(rotation=10, shift=1.5).shift
    1.5
    """

    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    elastic_smoothness: float = 4.0
    stroke: float = 0.0
    soil: float = 0.0
    paper: float = 0.5
    fading: float = 0.6
    texture: float = 0.25

    def __post_init__(self) -> None:
        kept = {
            name: _checks.fraction(name, getattr(self, name))
            for name in ("scale", "stroke", "soil", "paper", "fading")
        }
        for name in ("rotation", "shear"):
            kept[name] = _checks.from_0_to(90, name, getattr(self, name))
        for name in ("shift", "elastic", "texture"):
            kept[name] = _checks.not_negative(name, getattr(self, name))
        kept["elastic_smoothness"] = _checks.positive("elastic_smoothness", self.elastic_smoothness)
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
    teachers : int, default 1
        How many such networks are trained, each from a draw of its own. The mean of their
        logits is what is learned. At least 1.
    softness : float, default 2.0
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
    teachers: int = 1
    softness: float = 2.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a text that is not empty; received {self.name!r}")
        kept: dict[str, Any] = {
            "epochs": _checks.whole_number("epochs", self.epochs, at_least=1),
            "batch_size": _checks.whole_number("batch_size", self.batch_size, at_least=1),
            "patience": _checks.whole_number("patience", self.patience, at_least=0),
            "teachers": _checks.whole_number("teachers", self.teachers, at_least=1),
            "min_delta": _checks.not_negative("min_delta", self.min_delta),
        }
        for name in ("validation_split", "warmup", "beta_1", "beta_2", "label_smoothing"):
            kept[name] = _checks.fraction(name, getattr(self, name))
        if self.monitor is not None:
            kept["monitor"] = _checks.monitor(self.monitor)
        if self.learning_rate is not None:
            kept["learning_rate"] = _checks.positive("learning_rate", self.learning_rate)
        kept["optimizer"] = _checks.one_of("optimizer", self.optimizer, ("adam", "muon"))
        if self.dropout is not None:
            kept["dropout"] = _checks.fraction("dropout", self.dropout)
        if not isinstance(self.augmentation, Augmentation | None):
            raise TypeError(
                f"augmentation must be a recipes.Augmentation; received {self.augmentation!r}"
            )
        self._check_teacher()
        kept["softness"] = _checks.positive("softness", self.softness)
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

# Student and teachers see digits moved alike; the teachers see soiled paper, too.
_MOVED = Augmentation(rotation=8, shear=6, scale=0.08, shift=1.6, elastic=0.8)

BEST = Recipe(
    name="best",
    epochs=24,
    batch_size=128,
    learning_rate=0.004,
    warmup=0.05,
    optimizer="muon",
    beta_2=0.99,
    dropout=0.0,
    augmentation=_MOVED,
    teacher=Recipe(
        name="teacher",
        epochs=24,
        batch_size=128,
        learning_rate=0.003,
        warmup=0.05,
        optimizer="muon",
        beta_2=0.99,
        augmentation=replace(_MOVED, stroke=0.3, soil=0.25, fading=0.5),
    ),
    teachers=2,
    softness=2.0,
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
        shift=2.2,
        elastic=0.8,
        stroke=0.3,
        soil=0.35,
        fading=0.8,
        texture=0.4,
    ),
)
"""Many passes over images of which a third is soiled, to read damaged digits."""

NAMED = MappingProxyType({recipe.name: recipe for recipe in (DOCUMENTED, FAST, BEST, ROBUST)})
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
