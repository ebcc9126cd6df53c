"""Recipes are immutable, validated and found by name."""

import dataclasses
import json
import typing

import numpy as np
import pytest

from mnistcnn import recipes
from mnistcnn.recipes import BASELINE, Augmentation, Recipe


def test_the_baseline_has_the_settings_of_the_notebook():
    assert BASELINE.to_dict() == {
        "name": "baseline",
        "epochs": 5,
        "batch_size": 32,
        "validation_split": 0.3,
        "split": "last",
        "monitor": "val_accuracy",
        "min_delta": 0.01,
        "patience": 4,
        "restore_best_weights": False,
        "learning_rate": None,
        "warmup": 0.0,
        "optimizer": "adam",
        "beta_1": 0.9,
        "beta_2": 0.999,
        "freeze_convolutions": False,
        "label_smoothing": 0.0,
        "dropout": None,
        "augmentation": None,
        "teacher": None,
        "num_teachers": 1,
        "distillation_temperature": 2.0,
    }
    assert json.loads(json.dumps(BASELINE.to_dict())) == BASELINE.to_dict()


def test_recipes_are_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASELINE.epochs = 6
    with pytest.raises(TypeError, match="positional"):
        Recipe("mine", 5, 32)
    with pytest.raises(TypeError, match="item assignment"):
        recipes.RECIPES["mine"] = BASELINE


def test_get_returns_a_recipe_by_name_or_unchanged():
    assert recipes.get("documented") is recipes.DOCUMENTED is BASELINE
    expected = (BASELINE, recipes.FAST, recipes.BEST, recipes.ROBUST, recipes.FINETUNE)
    assert tuple(recipes.RECIPES.values()) == expected
    for name, recipe in recipes.RECIPES.items():
        assert recipe.name == name
        assert recipes.get(name) is recipe
    mine = dataclasses.replace(BASELINE, name="mine", epochs=1)
    assert recipes.get(mine) is mine


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        (
            "documentd",
            ValueError,
            "recipe must be one of 'baseline', 'fast', 'best', 'robust', 'finetune'; received 'documentd'",
        ),
        (None, TypeError, "recipe must be a name or a recipes.Recipe; received None"),
    ],
)
def test_unknown_recipes_are_rejected(recipe, error, message):
    with pytest.raises(error, match=message):
        recipes.get(recipe)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(name=""), ValueError, "name must be a non-empty string; received ''"),
        (dict(epochs=0), ValueError, "epochs must be at least 1; received 0"),
        (dict(batch_size=2.0), TypeError, "batch_size must be an integer; received 2.0"),
        (dict(validation_split=1.2), ValueError, r"validation_split must lie in \[0, 1\); received 1\.2"),
        (dict(monitor="val_f1"), ValueError, "monitor must be one of 'val_accuracy', 'val_loss', 'accuracy', 'loss'; received 'val_f1'"),
        (dict(min_delta=-1), ValueError, "min_delta must be at least 0; received -1"),
        (dict(patience=-1), ValueError, "patience must be at least 0; received -1"),
        (dict(optimizer="sgd"), ValueError, "optimizer must be one of 'adam', 'muon'; received 'sgd'"),
        (dict(augmentation="elastic"), TypeError, "augmentation must be a recipes.Augmentation; received 'elastic'"),
    ],
)  # fmt: skip
def test_settings_are_validated(setting, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(BASELINE, **setting)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(rotation=90), ValueError, r"rotation must lie in \[0, 90\); received 90"),
        (dict(shear=-1), ValueError, r"shear must lie in \[0, 90\); received -1"),
        (dict(scale=1), ValueError, r"scale must lie in \[0, 1\); received 1"),
        (dict(translation="2"), TypeError, "translation must be a number; received '2'"),
        (dict(elastic_alpha=-0.5), ValueError, r"elastic_alpha must be at least 0; received -0\.5"),
        (dict(elastic_sigma=0), ValueError, "elastic_sigma must be greater than 0; received 0"),
        (dict(stroke_prob=1.0), ValueError, r"stroke_prob must lie in \[0, 1\); received 1\.0"),
        (dict(degrade_prob=True), TypeError, "degrade_prob must be a number; received True"),
        (dict(max_background=2), ValueError, r"max_background must lie in \[0, 1\); received 2"),
        (dict(max_contrast_loss=-1), ValueError, r"max_contrast_loss must lie in \[0, 1\); received -1"),
        (dict(texture_std=float("nan")), ValueError, "texture_std must be finite; received nan"),
    ],
)  # fmt: skip
def test_settings_of_an_augmentation_are_validated(setting, error, message):
    with pytest.raises(error, match=message):
        Augmentation(**setting)


def test_an_augmentation_is_immutable_and_survives_json():
    recipe = dataclasses.replace(BASELINE, augmentation=Augmentation(rotation=np.int64(10)))
    settings = json.loads(json.dumps(recipe.to_dict()))["augmentation"]
    assert settings["rotation"] == 10
    assert Augmentation(**settings) == recipe.augmentation
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.augmentation.rotation = 5


def test_numpy_numbers_become_python_numbers():
    recipe = dataclasses.replace(
        BASELINE, epochs=np.int64(3), monitor="val_acc", dropout=np.float32(0.5), learning_rate=1
    )
    assert json.loads(json.dumps(recipe.to_dict()))["epochs"] == 3
    assert recipe.monitor == "val_accuracy"
    assert (type(recipe.dropout), type(recipe.learning_rate)) == (float, float)


def test_editors_complete_public_names_and_recipes():
    assert set(dir(recipes)) == {
        "Augmentation", "BASELINE", "BEST", "DOCUMENTED", "FAST", "FINETUNE", "RECIPES", "ROBUST",
        "Recipe", "get",
    }  # fmt: skip
    assert all(hasattr(recipes, name) for name in dir(recipes))
    assert typing.get_args(recipes.RecipeName) == tuple(recipes.RECIPES)


def test_a_misspelled_recipe_gets_a_suggestion():
    with pytest.raises(ValueError, match="; received 'fsat'; did you mean 'fast'\\?$"):
        recipes.get("fsat")
