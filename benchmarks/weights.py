"""The weights that come with the package: train, measure, write, and make the card.

    make weights
    python benchmarks/weights.py [--from FILE.keras] [--again FILE.keras] [--plain FILE.keras]
    python benchmarks/weights.py --compare [--again FILE.keras]
    python benchmarks/weights.py --redraw

Trains the recipe `best` with seed 0 on all 60,000 training images, or takes a network that
was trained so, and measures it on the test images. `best.safetensors`, `best.json` and
`MODEL_CARD.md` go to the package, the pictures of the card to docs/images. Needs MNIST and
benchmarks/results/accuracy.json, which has the temperatures.

``--compare`` trains again, writes nothing and says how equal the result is. ``--redraw`` makes
card and pictures anew from the manifest that is there. ``--quick`` tries it all on 1,000 images
with the recipe `fast`; its figures are of no use, so it wants an ``--output``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mnistcnn
import model_card
from mnistcnn import recipes
from mnistcnn._assets import FOLDER, Assets, read_assets, write_assets
from mnistcnn._files import replacing, write_text
from mnistcnn._weights import save_model
from turns import HERE, RESULTS, find_data
from weight_figures import (
    accuracy_of,
    answer_figures,
    calibration,
    cost,
    probabilities_of,
    robustness,
)
from weight_pictures import pictures

NAME = "best"
SEED = 0
ROOT = HERE.parent
PICTURES = ROOT / "docs" / "images"
ACCURACY = RESULTS / "accuracy.json"
TRAINED = HERE / "out" / "weights.keras"
COMMAND = "make weights"
QUICK = 1_000
PLAIN = replace(recipes.DOCUMENTED, name="plain", validation_split=0.0, monitor=None)
# Another processor's rounding may change as many answers of a network, not more.
_TIES = 2

Weights = list[NDArray[np.float32]]


class Work(NamedTuple):
    """What a run works on."""

    recipe: recipes.Recipe
    data: mnistcnn.Dataset
    accuracy: dict[str, Any]
    versions: dict[str, str]
    given: bool
    quick: bool


def arguments() -> argparse.Namespace:
    """Return the checked command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="trained", type=Path, help="the trained network")
    parser.add_argument("--again", type=Path, help="the same, trained a second time")
    parser.add_argument("--plain", type=Path, help="the plainly trained network")
    parser.add_argument("--accuracy", type=Path, default=ACCURACY, help="figures of accuracy.py")
    parser.add_argument("--output", type=Path, help="a folder in place of package and docs")
    parser.add_argument("--quick", action="store_true", help="1,000 images and the recipe fast")
    parser.add_argument("--compare", action="store_true", help="train again and compare")
    parser.add_argument("--redraw", action="store_true", help="card and pictures alone")
    options = parser.parse_args()
    if options.quick and options.output is None:
        parser.error("--quick must have an --output; received none")
    return options


def main() -> None:
    """Do what the command line asks for."""
    options = arguments()
    folder, images = options.output or FOLDER, options.output or PICTURES
    data = mnistcnn.load_data(find_data())
    if options.redraw:
        present(read_assets(folder, NAME), data, folder, images)
        return
    if not options.accuracy.is_file():
        sys.exit(f"{options.accuracy} is absent; make it with: python benchmarks/accuracy.py")
    accuracy = json.loads(options.accuracy.read_text())
    if options.quick:
        data = mnistcnn.Dataset(*(mnistcnn.Split(*(a[:QUICK] for a in part)) for part in data))
    recipe = recipes.FAST if options.quick else recipes.find(NAME)
    versions = versions_here()
    if options.trained is not None:
        versions |= accuracy["versions"]  # those it was trained by
    given = options.trained is not None
    work = Work(recipe, data, accuracy, versions, given, options.quick)
    check_same_recipe(work)
    if options.compare:
        shipped = list(read_assets(folder, NAME).arrays.values())
        print(in_words(compared(shipped, weights_of(work, options.again), data)))
        return
    weights = weights_of(work, options.trained)
    again = None if options.again is None else weights_of(work, options.again)
    plain = plain_network(work, options.plain)
    assets = write(folder, work, weights, figures(work, weights, again, plain))
    present(assets, data, folder, images)


def weights_of(work: Work, file: Path | None) -> Weights:
    """Return the arrays of a file, or train them."""
    if file is not None:
        weights: Weights = mnistcnn.load_model(file).get_weights()
        return weights
    model = mnistcnn.build_model(seed=SEED)
    x, y = mnistcnn.preprocess(*work.data.train)
    mnistcnn.train(model, x, y, recipe=work.recipe, seed=SEED)
    if not work.quick:
        save_model(model, TRAINED)
        print(f"The trained network is in {TRAINED}", flush=True)
    return list(model.get_weights())


def plain_network(work: Work, file: Path | None) -> Any:
    """Return what plain training of the same images gives, to compare with."""
    if file is not None:
        return mnistcnn.load_model(file)
    model = mnistcnn.build_model(seed=SEED)
    x, y = mnistcnn.preprocess(*work.data.train)
    mnistcnn.train(model, x, y, recipe=PLAIN, callbacks=[], seed=SEED)
    return model


def figures(work: Work, weights: Weights, again: Weights | None, plain: Any) -> dict[str, Any]:
    """Measure all that the manifest tells."""
    temperature = temperature_of(work.accuracy)
    with tempfile.TemporaryDirectory() as folder:
        # Written once for what the file costs, and for the network as a user will have it.
        assets = write(Path(folder), work, weights, {})
        file_bytes = (Path(folder) / assets.manifest.file).stat().st_size
    trained, calibrated = network(assets, calibrated=False), network(assets, calibrated=True)
    images, labels = work.data.test
    measured = answer_figures(
        probabilities_of(trained, images), probabilities_of(calibrated, images), labels
    )
    seeds = {row["seed"]: row["right"] for row in work.accuracy["test"]}
    check_same_network(work, measured["test"]["right"], seeds[SEED])
    seeds[SEED] = measured["test"]["right"]
    small = mnistcnn.load_data("digits")
    digits, digit_labels = (np.concatenate(parts) for parts in zip(*small, strict=True))
    read = probabilities_of(calibrated, digits)
    measured |= {
        "seeds": [list(pair) for pair in seeds.items()],
        "temperature": temperature,
        "digits": accuracy_of(read, digit_labels) | {"ece": calibration(read, digit_labels)["ece"]},
        "plain": {
            "recipe": PLAIN.to_dict(),
            "accuracy": mnistcnn.evaluate(plain, *mnistcnn.preprocess(images, labels)).accuracy,
        },
        "robustness": robustness({NAME: calibrated, "plain": plain}, images, labels),
        "cost": cost(calibrated, file_bytes=file_bytes),
    }
    if again is not None:
        measured["again"] = compared(weights, again, work.data)
    return measured


def temperature_of(accuracy: dict[str, Any]) -> dict[str, Any]:
    """Return the mean of the temperatures that were fitted on held-out images, and each."""
    each = [row["temperature"] for row in accuracy["held_out"][NAME]]
    mean = round(statistics.mean(each), 4)
    return {"mean": mean, "each": each, "images": accuracy["held_out"]["images"]}


def check_same_recipe(work: Work) -> None:
    """Refuse figures of a recipe that has changed since."""
    if not work.quick and work.accuracy["recipe"] != work.recipe.to_dict():
        sys.exit(f"accuracy.json must be of the recipe {NAME!r} as it is; received another one's")


def check_same_network(work: Work, right: int, said: int) -> None:
    """Refuse a file that is not the network of which accuracy.json speaks."""
    if work.given and not work.quick and abs(right - said) > _TIES:
        sys.exit(
            f"the network must read {said:,} test images right, as accuracy.json says of seed "
            f"{SEED}; it reads {right:,}"
        )


def network(assets: Assets, *, calibrated: bool) -> Any:
    """Return the network of these weights, as `load_pretrained` gives it."""
    model = mnistcnn.build_model()
    model.set_weights(assets.weights(calibrated=calibrated))
    return model


def compared(shipped: Weights, again: Weights, data: mnistcnn.Dataset) -> dict[str, Any]:
    """Return how far two trainings are from each other."""
    answers = []
    for weights in (shipped, again):
        model = mnistcnn.build_model()
        model.set_weights(weights)
        answers.append(probabilities_of(model, data.test.images).argmax(axis=1))
    differences = [float(np.abs(a - b).max()) for a, b in zip(shipped, again, strict=True)]
    return {
        "equal": all(a.tobytes() == b.tobytes() for a, b in zip(shipped, again, strict=True)),
        "largest": max(differences),
        "answers": int((answers[0] != answers[1]).sum()),
    }


def in_words(result: dict[str, Any]) -> str:
    """Say what `compared` found."""
    if result["equal"]:
        return "Equal to the bit."
    return (
        f"Not equal: weights differ by at most {result['largest']:.3g}, "
        f"and {result['answers']} answers to the test images differ."
    )


def versions_here() -> dict[str, str]:
    """Return the versions at work."""
    here = {name: version(name) for name in ("keras", "tensorflow", "numpy")}
    return {"python": platform.python_version(), "mnistcnn": mnistcnn.__version__, **here}


def write(folder: Path, work: Work, weights: Weights, measured: dict[str, Any]) -> Assets:
    """Write weights and manifest."""
    images, labels = work.data.train
    return write_assets(
        folder,
        weights,
        name=NAME,
        temperature=temperature_of(work.accuracy)["mean"],
        recipe=work.recipe.to_dict(),
        seed=SEED,
        command=COMMAND,
        commit=commit(),
        versions=work.versions,
        data={
            "name": "mnist",
            "images": len(images),
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        },
        figures=measured,
    )


def commit() -> str:
    """Return the state of the sources, ``-dirty`` if the package differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words],  # noqa: S607  # whichever git is first
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    # What this program writes itself is no change of the sources.
    changed = git("status", "--porcelain", "--", "src", ":!src/mnistcnn/assets")
    return git("rev-parse", "HEAD") + ("-dirty" if changed else "")


def present(assets: Assets, data: mnistcnn.Dataset, folder: Path, images: Path) -> None:
    """Write the card and draw the pictures."""
    write_text(folder / model_card.NAME, model_card.card(assets.manifest))
    for name, figure in pictures(assets.manifest.figures, data.test.images).items():
        with replacing(images / name) as temporary:
            figure.savefig(temporary, dpi=110, metadata={"Software": None})
    right = assets.manifest.figures["test"]["right"]
    print(f"{right:,} test images right; weights and card in {folder}, pictures in {images}")


if __name__ == "__main__":
    main()
