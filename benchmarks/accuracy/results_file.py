"""The results file of the accuracy benchmark, written after each run."""

from __future__ import annotations

import functools
import json
import operator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import ablation_variants, held_out
from benchmarks.harness import package_versions, write_results
from mnistcnn.recipes import Recipe
from mnistcnn.utils.environment import cpu_count

Runs = list[dict[str, Any]]


class AccuracyResults:
    """The runs of each recipe and variant; those of a recipe that has changed are dropped."""

    def __init__(
        self,
        path: Path,
        *,
        plain: Recipe,
        recipes: dict[str, Recipe],
        variants: dict[str, Recipe],
        cost: Recipe,
    ) -> None:
        self.path = path
        saved = json.loads(path.read_text()) if path.exists() else {}
        saved_recipes = saved.get("recipes", {})
        saved_variants = saved.get("ablation", {}).get("variants", {})
        self.content: dict[str, Any] = {
            "versions": package_versions("mnistcnn", "keras", "tensorflow", "numpy"),
            "cores": cpu_count(),
            "held_out_images": held_out.HELD_OUT_IMAGES,
            "plain": _entry(plain, saved.get("plain"), "held_out"),
            "recipes": {
                name: _entry(recipe, saved_recipes.get(name), "test", "held_out")
                for name, recipe in recipes.items()
            },
            "ablation": {
                "epochs": ablation_variants.EPOCHS,
                "variants": {
                    name: _entry(recipe, saved_variants.get(name), "held_out")
                    for name, recipe in variants.items()
                },
            },
            "cost": _entry(cost, saved.get("cost")),
        }

    def at(self, *path: str) -> Any:
        """Return the content at a path of keys."""
        return functools.reduce(operator.getitem, path, self.content)

    def is_missing(self, seed: int, *path: str) -> bool:
        """Return whether the run of a seed has not been measured."""
        return all(run["seed"] != seed for run in self.at(*path))

    def write(self) -> None:
        """Write the file."""
        write_results(self.path, self.content)

    def add(self, run: dict[str, Any], *path: str) -> None:
        """Add a run and write the file."""
        self.at(*path).append(run)
        self.write()
        scalars = {name: value for name, value in run.items() if not isinstance(value, dict)}
        print(*path, scalars, flush=True)


def _entry(recipe: Recipe, saved: dict[str, Any] | None, *parts: str) -> dict[str, Any]:
    """Return the saved runs of a recipe, or empty lists for them."""
    # A field that the file lacks had its default.
    same = saved if saved is not None and Recipe.from_dict(saved["recipe"]) == recipe else {}
    return {**{part: [] for part in parts}, **same, "recipe": recipe.to_dict()}
