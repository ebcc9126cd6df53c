"""The two sets of weights that come with the package: train, measure, write, and make the card.

    make weights
    python -m tools.pretrained.train_weights [--only best|robust] [--from FOLDER] [--again FOLDER]
    python -m tools.pretrained.train_weights --compare [--only best|robust] [--again FOLDER]
    python -m tools.pretrained.train_weights --redraw

Trains each recipe with seed 0 on all 60,000 training images, and plainly once more to compare
with, or takes networks that were trained so, and measures them on the test images. The weights,
their manifests and `MODEL_CARD.md` go to the package, the pictures of the card to docs/images.
Needs MNIST and benchmarks/results/accuracy.json, which has the temperatures. The third network,
which tells digits from what is none, is made by `tools/pretrained/train_rejector.py`; the card tells of it, too.

A FOLDER holds ``best-0.keras`` and ``robust-0.keras``, as benchmarks/out does after
`benchmarks/accuracy/accuracy.py` and after this. ``--from`` also takes ``plain.keras`` if it is there. ``--only``
leaves the other set as it is, and takes the figures of plain training from it.

``--compare`` trains again, writes nothing and says how equal the result is. ``--redraw`` makes
card and pictures anew from the manifests that are there. ``--quick`` tries it all on 1,000
images with the recipe `fast`; its figures are of no use, so it wants an ``--output``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.accuracy.accuracy import PLAIN
from benchmarks.harness import OUT, RESULTS, ROOT, mnist_file
from mnistcnn import recipes
from mnistcnn.utils.atomic_write import atomic_write, write_text
from mnistcnn.utils.environment import software_versions
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.manifest import Manifest
from mnistcnn.weights.pretrained import (
    FOLDER,
    PRETRAINED,
    PretrainedWeights,
    load_rejector_weights,
    read_pretrained,
    write_pretrained,
)
from tools.pretrained import model_card
from tools.pretrained.figures import pictures
from tools.pretrained.metrics import (
    accuracy_of,
    answer_figures,
    calibration,
    cost,
    probabilities_of,
    robustness,
)

SEED = 0

PICTURES = ROOT / "docs" / "images"
ACCURACY = RESULTS / "accuracy.json"
COMMAND = "make weights"
QUICK = 1_000
# Another processor's rounding may change as many answers of a network, not more.
_TIES = 2

Weights = list[NDArray[np.float32]]


class Work(NamedTuple):
    """What a run works on."""

    recipes: dict[str, recipes.Recipe]
    data: mnistcnn.Dataset
    accuracy: dict[str, Any]
    versions: dict[str, str]
    given: bool
    quick: bool


def arguments() -> argparse.Namespace:
    """Return the checked command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=PRETRAINED, help="this set of weights alone")
    parser.add_argument("--from", dest="trained", type=Path, help="a folder of trained networks")
    parser.add_argument("--again", type=Path, help="a folder of the same, trained a second time")
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
    names = PRETRAINED if options.only is None else (options.only,)
    data = mnistcnn.load_data(mnist_file())
    if options.redraw:
        present(manifests_in(folder, PRETRAINED), data, folder, images)
        return
    work = begun(options, names, data)
    if options.compare:
        for name in names:
            shipped = list(read_pretrained(folder, name).arrays.values())
            again = weights_of(work, name, options.again)
            print(f"{name}: {in_words(compared(shipped, again, work.data))}")
        return
    # Read first, so that a set that is not there is known before an hour of training.
    manifests = manifests_in(folder, [name for name in PRETRAINED if name not in names])
    sets = {name: weights_of(work, name, options.trained) for name in names}
    again = {name: weights_of(work, name, options.again) for name in names if options.again}
    figures = measured(work, sets, None if manifests else plain_network(work, options.trained))
    for manifest in manifests.values():
        figures["plain"] = manifest.metrics["plain"]
    for name, weights in sets.items():
        own = figures[name] | {"plain": figures["plain"]}
        if name in again:
            own["again"] = compared(weights, again[name], work.data)
        manifests[name] = write(folder, work, name, weights, own).manifest
    present({name: manifests[name] for name in PRETRAINED}, data, folder, images)


def begun(options: argparse.Namespace, names: Iterable[str], data: mnistcnn.Dataset) -> Work:
    """Return what a run works on, once it is known to be the right thing."""
    if not options.accuracy.is_file():
        sys.exit(
            f"{options.accuracy} is absent; make it with: python -m benchmarks.accuracy.accuracy"
        )
    accuracy = json.loads(options.accuracy.read_text())
    if options.quick:
        data = mnistcnn.Dataset(*(mnistcnn.Split(*(a[:QUICK] for a in part)) for part in data))
    given = options.trained is not None
    versions = software_versions() | (accuracy["versions"] if given else {})  # those it was made by
    chosen = {name: recipes.FAST if options.quick else recipes.get(name) for name in names}
    work = Work(chosen, data, accuracy, versions, given, options.quick)
    check_same_recipes(work)
    return work


def manifests_in(folder: Path, names: Iterable[str]) -> dict[str, Manifest]:
    """Return the manifests of sets that are there already."""
    for name in names:
        if not (folder / f"{name}.json").is_file():
            sys.exit(f"{folder / name}.json is absent; make both sets with: {COMMAND}")
    return {name: read_pretrained(folder, name).manifest for name in names}


def weights_of(work: Work, name: str, folder: Path | None) -> Weights:
    """Return the arrays that a folder has of these weights, or train them."""
    if folder is not None:
        weights: Weights = mnistcnn.load_model(folder / f"{name}-{SEED}.keras").get_weights()
        return weights
    return list(trained(work, work.recipes[name], f"{name}-{SEED}").get_weights())


def plain_network(work: Work, folder: Path | None) -> Any:
    """Return what plain training of the same images gives, to compare with."""
    file = None if folder is None else folder / "plain.keras"
    if file is not None and file.is_file():
        return mnistcnn.load_model(file)
    return trained(work, PLAIN, "plain")


def trained(work: Work, recipe: recipes.Recipe, name: str) -> Any:
    """Return a network after its last step, and keep it."""
    model = mnistcnn.build_model(seed=SEED)
    x, y = mnistcnn.preprocess(*work.data.train)
    mnistcnn.train(model, x, y, recipe=recipe, callbacks=[], seed=SEED)
    if not work.quick:
        save_model(model, OUT / f"{name}.keras")
        print(f"The trained network is in {OUT / name}.keras", flush=True)
    return model


def measured(work: Work, sets: Mapping[str, Weights], plain: Any | None) -> dict[str, Any]:
    """Measure all that the manifests tell, by name; `plain` too if it is given."""
    images, labels = work.data.test
    figures, networks = {}, {}
    for name, weights in sets.items():
        figures[name], networks[name] = clean_figures(work, name, weights)
    if plain is not None:
        accuracy = mnistcnn.evaluate(plain, *mnistcnn.preprocess(images, labels)).accuracy
        figures["plain"] = {"recipe": PLAIN.to_dict(), "accuracy": accuracy}
        networks["plain"] = plain
    for name, found in robustness(networks, images, labels).items():
        figures[name]["robustness"] = found
    return figures


def clean_figures(work: Work, name: str, weights: Weights) -> tuple[dict[str, Any], Any]:
    """Return what is measured on undamaged images, and the calibrated network."""
    with tempfile.TemporaryDirectory() as folder:
        # Written once for what the file costs, and for the network as a user will have it.
        assets = write(Path(folder), work, name, weights, {})
        file_bytes = (Path(folder) / assets.manifest.file).stat().st_size
    as_trained, calibrated = network(assets, calibrated=False), network(assets, calibrated=True)
    images, labels = work.data.test
    found = answer_figures(
        probabilities_of(as_trained, images), probabilities_of(calibrated, images), labels
    )
    seeds = {row["seed"]: row["correct"] for row in work.accuracy["recipes"][name]["test"]}
    check_same_network(work, name, found["test"]["right"], seeds[SEED])
    seeds[SEED] = found["test"]["right"]
    small = mnistcnn.load_data("digits")
    digits, digit_labels = (np.concatenate(parts) for parts in zip(*small, strict=True))
    read = probabilities_of(calibrated, digits)
    return found | {
        "seeds": [list(pair) for pair in seeds.items()],
        "temperature": temperature_of(work.accuracy, name),
        "digits": accuracy_of(read, digit_labels)
        | {"ece": calibration(mnistcnn.Evaluation.from_probabilities(read, digit_labels))["ece"]},
        "cost": cost(calibrated, file_bytes=file_bytes),
    }, calibrated


def temperature_of(accuracy: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the mean of the temperatures that were fitted on held-out images, and each."""
    each = [row["temperature"] for row in accuracy["recipes"][name]["held_out"]]
    mean = round(statistics.mean(each), 4)
    return {"mean": mean, "each": each, "images": accuracy["held_out_images"]}


def check_same_recipes(work: Work) -> None:
    """Refuse figures of a recipe that has changed since, or that are not all there."""
    for name, recipe in work.recipes.items():
        found = work.accuracy["recipes"][name]
        if not work.quick and recipes.Recipe.from_dict(found["recipe"]) != recipe:
            sys.exit(f"accuracy.json must be of the recipe {name!r} as it is; received another's")
        if not found["held_out"] or SEED not in [row["seed"] for row in found["test"]]:
            command = f"python -m benchmarks.accuracy.accuracy --only test held_out --recipe {name}"
            sys.exit(f"accuracy.json lacks figures of {name!r}; measure them with: {command}")


def check_same_network(work: Work, name: str, right: int, said: int) -> None:
    """Refuse a file that is not the network of which accuracy.json speaks."""
    if work.given and not work.quick and abs(right - said) > _TIES:
        sys.exit(
            f"{name} must read {said:,} test images right, as accuracy.json says of seed "
            f"{SEED}; it reads {right:,}"
        )


def network(assets: PretrainedWeights, *, calibrated: bool) -> Any:
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


def write(
    folder: Path, work: Work, name: str, weights: Weights, figures: dict[str, Any]
) -> PretrainedWeights:
    """Write weights and manifest."""
    images, labels = work.data.train
    return write_pretrained(
        folder,
        weights,
        name=name,
        temperature=temperature_of(work.accuracy, name)["mean"],
        recipe=work.recipes[name].to_dict(),
        seed=SEED,
        command=COMMAND,
        commit=commit(),
        versions=work.versions,
        data={
            "name": "mnist",
            "images": len(images),
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        },
        metrics=figures,
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


def present(
    manifests: Mapping[str, Manifest], data: mnistcnn.Dataset, folder: Path, images: Path
) -> None:
    """Write the card and draw the pictures."""
    card = model_card.card(list(manifests.values()), load_rejector_weights().manifest)
    write_text(folder / model_card.NAME, card)
    sets = {name: manifest.metrics for name, manifest in manifests.items()}
    for name, figure in pictures(sets, data.test.images).items():
        with atomic_write(images / name) as temporary:
            figure.savefig(temporary, dpi=110, metadata={"Software": None})
    for name, figures in sets.items():
        print(f"{name}: {figures['test']['right']:,} test images right")
    print(f"Weights and card are in {folder}, pictures in {images}")


if __name__ == "__main__":
    main()
