"""Recipes are data: frozen, checked, found by name."""

import dataclasses
import json

import numpy as np
import pytest

from mnistcnn import recipes
from mnistcnn.recipes import DOCUMENTED, Recipe


def test_the_documented_recipe_is_the_documents():
    assert DOCUMENTED.to_dict() == {
        "name": "documented",
        "epochs": 5,
        "batch_size": 32,
        "validation_split": 0.3,
        "monitor": "val_accuracy",
        "min_delta": 0.01,
        "patience": 4,
        "learning_rate": None,
        "warmup": 0.0,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "label_smoothing": 0.0,
        "dropout": None,
    }
    assert json.loads(json.dumps(DOCUMENTED.to_dict())) == DOCUMENTED.to_dict()


def test_recipes_are_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DOCUMENTED.epochs = 6
    with pytest.raises(TypeError, match="positional"):
        Recipe("mine", 5, 32)
    with pytest.raises(TypeError, match="item assignment"):
        recipes.NAMED["mine"] = DOCUMENTED


def test_found_by_name_or_as_they_are():
    assert recipes.find("documented") is DOCUMENTED
    mine = dataclasses.replace(DOCUMENTED, name="mine", epochs=1)
    assert recipes.find(mine) is mine


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        (
            "documentd",
            ValueError,
            "recipe must be one of 'documented', 'fast'; received 'documentd'",
        ),
        (None, TypeError, "recipe must be a name or a recipes.Recipe; received None"),
    ],
)
def test_unknown_recipes_are_refused(recipe, error, message):
    with pytest.raises(error, match=message):
        recipes.find(recipe)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(name=""), ValueError, "name must be a text that is not empty; received ''"),
        (dict(epochs=0), ValueError, "epochs must be at least 1; received 0"),
        (dict(batch_size=2.0), TypeError, "batch_size must be a whole number; received 2.0"),
        (dict(validation_split=1.2), ValueError, r"validation_split must lie in \[0, 1\); received 1\.2"),
        (dict(monitor="val_f1"), ValueError, "monitor must be one of 'val_accuracy', 'val_loss', 'accuracy', 'loss'; received 'val_f1'"),
        (dict(min_delta=-1), ValueError, "min_delta must be at least 0; received -1"),
        (dict(patience=-1), ValueError, "patience must be at least 0; received -1"),
    ],
)  # fmt: skip
def test_settings_are_checked(setting, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(DOCUMENTED, **setting)


def test_numpy_numbers_become_plain_ones():
    recipe = dataclasses.replace(
        DOCUMENTED, epochs=np.int64(3), monitor="val_acc", dropout=np.float32(0.5), learning_rate=1
    )
    assert json.loads(json.dumps(recipe.to_dict()))["epochs"] == 3
    assert recipe.monitor == "val_accuracy"
    assert (type(recipe.dropout), type(recipe.learning_rate)) == (float, float)
