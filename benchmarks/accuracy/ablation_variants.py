"""Variants of the recipe `best` for its ablation: each changes one setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnistcnn.recipes import Recipe

EPOCHS = 8
UNCHANGED = "unchanged"
_NO_AFFINE = {"rotation": 0.0, "shear": 0.0, "scale": 0.0, "translation": 0.0}
_BACKGROUND = ("degrade_prob", "max_background", "max_contrast_loss", "texture_std")


def ablation_variants(best: Recipe, robust: Recipe) -> dict[str, Recipe]:
    """Return `best` with fewer epochs and its variants by name; all of them differ.

    Its teachers train for the full number of epochs.
    """
    base = replace(best, epochs=EPOCHS)
    variants = {UNCHANGED: base}
    for name, changes in _changes(base, robust).items():
        variant = replace(base, **changes)
        if variant not in variants.values():
            variants[name] = variant
    return variants


def _changes(base: Recipe, robust: Recipe) -> dict[str, dict[str, Any]]:
    """Return the changed fields of each variant; some may equal the recipe's."""
    augmentation, learning_rate = base.augmentation, base.learning_rate
    assert augmentation is not None
    assert learning_rate is not None

    def augmented(**changes: float) -> dict[str, Any]:
        return {"augmentation": replace(augmentation, **changes)}

    # A teacher replaces the labels, so variants that change the labels have none.
    suffix = "" if base.teacher is None else ", no teacher"
    return {
        "no augmentation": {"augmentation": None},
        "no rotation, shear, scale, translation": augmented(**_NO_AFFINE),
        "no elastic distortion": augmented(elastic_alpha=0.0),
        "no degraded background": augmented(degrade_prob=0.0),
        "degraded background of robust": augmented(
            **{name: getattr(robust.augmentation, name) for name in _BACKGROUND}
        ),
        "no stroke-width augmentation": augmented(stroke_prob=0.0),
        "neither degraded background nor stroke-width augmentation": augmented(
            degrade_prob=0.0, stroke_prob=0.0
        ),
        "stroke-width augmentation of 0.3 of the images": augmented(stroke_prob=0.3),
        "Adam only": {"optimizer": "adam"},
        "twice the learning rate": {"learning_rate": 2 * learning_rate},
        "half the learning rate": {"learning_rate": learning_rate / 2},
        "dropout 0.25": {"dropout": 0.25},
        "no teacher": {"teacher": None},
        "one teacher": {"num_teachers": 1},
        f"label smoothing 0{suffix}": {"teacher": None, "label_smoothing": 0.0},
        f"label smoothing 0.1{suffix}": {"teacher": None, "label_smoothing": 0.1},
    }
