"""The model card of the pretrained weights, rendered from their manifests.

Its sections follow *Model Cards for Model Reporting* (Mitchell and others, 2019), its first
lines the metadata that model hubs read. The text is in ``model_card.md.jinja``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from textwrap import fill
from typing import Any, TypeVar

import jinja2

from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.manifest import Manifest

NAME = "MODEL_CARD.md"
TEMPLATE = "model_card.md.jinja"
PURPOSES = {"best": "clean digits", "robust": "corrupted images"}
EVALUATION_SETS = {
    "test": "test images",
    "undisputed_labels": "test images with undisputed labels",
    "sklearn_digits": "scikit-learn's digits",
}
CROP_KINDS = {
    "mnist": "MNIST digits",
    "printed": "printed characters",
    "distorted_printed_digits": "printed digits, distorted",
    "distorted_mnist": "MNIST digits, distorted",
    "letters": "letters, distorted",
    "symbols": "symbols, distorted",
    "scribbles": "scribbles",
    "altered_digits": "digits rotated, mirrored or cut",
    "digit_pairs": "pairs of digits",
    "pages": "cropped from synthetic pages",
    "low_resolution": "low resolution",
}
THRESHOLDS = (0.5, 0.9, 0.99)  # the manifest has more; a phone shows no more columns
# The settings of a recipe, by the name of its part.
RECIPE_PARTS = {
    "": "recipe",
    "augmentation": "augmentation",
    "teacher": "teacher networks",
    "teacher.augmentation": "augmentation of the teachers",
}
_WIDTH = 99
# Headings, tables, code, comments and lists keep their lines.
_VERBATIM = ("#", "|", "```", "$", "from ", "_, ", "<!--", "- ")

Value = TypeVar("Value")


def render(manifests: Sequence[Manifest], rejector: Manifest | None = None) -> str:
    """Return the model card of sets of weights; with `rejector`, it has a section about it.

    Raises
    ------
    ValueError
        If the manifests differ in what the card states once for all of them.
    """

    def shared(what: str, pick: Callable[[Manifest], Value]) -> Value:
        first, *others = map(pick, manifests)
        if any(other != first for other in others):
            raise ValueError(f"the manifests must agree on {what}; received {[first, *others]}")
        return first

    plain = shared("plain", lambda m: m.metrics["plain"])
    text = _environment().get_template(TEMPLATE).render(
        manifests=manifests,
        rejector=rejector,
        rejector_parameters=sum(map(math.prod, REJECTOR_WEIGHT_SHAPES.values())),
        weight_names=[f"`{m.name}`" for m in manifests],
        plain=plain,
        data=shared("data", lambda m: m.data),
        cost=shared("cost", lambda m: m.metrics["cost"]),
        command=shared("command", lambda m: m.command),
        version=shared("version", lambda m: m.versions["mnistcnn"]),
        num_bins=shared("num_bins", lambda m: m.metrics["calibration"]["num_bins"]),
        test_images=shared("test images", lambda m: m.metrics["test"]["images"]),
        undisputed_images=shared(
            "undisputed labels", lambda m: m.metrics["undisputed_labels"]["images"]
        ),
        temperature_images=shared(
            "images to fit the temperature", lambda m: m.metrics["temperature"]["images"]
        ),
        sklearn_images=shared(
            "scikit-learn's digits", lambda m: m.metrics["sklearn_digits"]["images"]
        ),
        recipe_tables=_recipe_tables(manifests),
        provenance=_provenance(manifests),
        robustness={f"`{m.name}`": m.metrics["robustness"] for m in manifests}
        | {"baseline training": plain["robustness"]},
        temperature_text=lambda m: f"{m.temperature:.3f}",
        sklearn_ece_text=lambda m: _percent(m.metrics["sklearn_digits"]["ece"]),
        PURPOSES=PURPOSES,
        EVALUATION_SETS=EVALUATION_SETS,
        CROP_KINDS=CROP_KINDS,
        THRESHOLDS=THRESHOLDS,
        zip=zip,
    )  # fmt: skip
    return _wrap(text)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Markdown
    )
    environment.filters |= {
        "percent": _percent,
        "interval": lambda bounds: f"{100 * bounds[0]:.2f} to {_percent(bounds[1])}",
        "thousands": lambda number: f"{number:,}",
        "decimals": lambda number, digits: f"{number:.{digits}f}",
        "join_and": _join_and,
        "mean": fmean,
        "exp": math.exp,
    }
    return environment


def _percent(fraction: float, digits: int = 2) -> str:
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def _join_and(words: Iterable[Any]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} and {last}" if first else last


def _recipe_tables(manifests: Sequence[Manifest]) -> dict[str, list[list[str]]]:
    """Return the rows of the tables of hyper-parameters, by their titles."""
    columns = [_settings(manifest.recipe) for manifest in manifests]
    tables: dict[str, list[list[str]]] = {}
    for key in dict.fromkeys(key for column in columns for key in column):
        part, _, name = key.rpartition(".")
        row = [f"`{name}`", *(column.get(key, "") for column in columns)]
        tables.setdefault(RECIPE_PARTS[part], []).append(row)
    return tables


def _settings(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the fields of a recipe that have an effect, nested ones last."""
    unused = {"name"}
    if recipe.get("monitor") is None:
        unused |= {"min_delta", "patience"}
    if recipe.get("teacher") is None:
        unused |= {"distillation_temperature", "num_teachers"}
    used = {key: v for key, v in recipe.items() if key not in unused and v is not None}
    settings = {
        prefix + key: f"{value:g}" if isinstance(value, float) else str(value)
        for key, value in used.items()
        if not isinstance(value, dict)
    }
    for key, value in used.items():
        if isinstance(value, dict):
            settings |= _settings(value, f"{prefix}{key}.")
    return settings


def _provenance(manifests: Sequence[Manifest]) -> list[tuple[str, list[str]]]:
    """Return seed, sources and versions, each with the weights that they are common to."""
    names: dict[str, list[str]] = {}
    titles = {"keras": "Keras", "tensorflow": "TensorFlow", "numpy": "NumPy", "python": "Python"}
    for manifest in manifests:
        versions = _join_and(f"{title} {manifest.versions[key]}" for key, title in titles.items())
        text = (
            f"seed {manifest.seed}, which was fixed before training, Git commit "
            f"`{manifest.commit}`, with {versions}."
        )
        names.setdefault(text, []).append(f"`{manifest.name}`")
    return list(names.items())


def _wrap(text: str) -> str:
    """Wrap the paragraphs after the metadata."""
    head, mark, body = text.partition("-->\n")
    blocks = re.split(r"\n{2,}", body.strip("\n"))
    return head + mark + "\n" + "\n\n".join(map(_wrap_block, blocks)) + "\n"


def _wrap_block(block: str) -> str:
    if block.startswith(_VERBATIM):
        return block
    return fill(block, _WIDTH, break_long_words=False, break_on_hyphens=False)
