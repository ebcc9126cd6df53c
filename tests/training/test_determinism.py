"""A seed gives the same bits in fresh processes."""

import subprocess
import sys

import pytest

from tests.helpers.workers import subprocess_env

CODE = """
import dataclasses, hashlib
import numpy as np
from mnistcnn import build_model, load_data, preprocess, recipes, train
x, y = preprocess(*load_data("digits").train)
digest = hashlib.sha256()
teacher = dataclasses.replace(recipes.BEST.teacher, epochs=1)
best = dataclasses.replace(recipes.BEST, dropout=0.2, teacher=teacher)
for recipe in (recipes.BASELINE, recipes.ROBUST, best):
    model = build_model(seed=1)
    train(model, x[:500], y[:500], recipe=recipe, epochs=2, callbacks=[], seed=2, verbose=0)
    for variable in model.variables:
        digest.update(np.asarray(variable).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.release
def test_every_recipe_repeats_in_fresh_processes():
    digests = [
        subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True,
            env=subprocess_env(PYTHONHASHSEED=hash_seed),
        ).stdout
        for hash_seed in ("0", "12345")
    ]  # fmt: skip
    assert len(digests[0]) == 65
    assert digests[0] == digests[1]
