"""The pretrained weights `best` and `robust`: train, evaluate, write, and render the model card.

    make weights
    python -m tools.pretrained.train_weights [--only best|robust] [--from FOLDER] [--again FOLDER]
    python -m tools.pretrained.train_weights --compare [--only best|robust] [--again FOLDER]
    python -m tools.pretrained.train_weights --redraw

Trains each recipe with seed 0 on all 60,000 training images, and the baseline settings for
comparison, or loads such networks, and evaluates them on the test images. Weights, manifests and
`MODEL_CARD.md` go to the package, figures to docs/images. Needs MNIST and
benchmarks/results/accuracy.json, which has the temperatures. `train_rejector` makes the third
network; the card describes it, too.

A FOLDER has ``best-0.keras`` and ``robust-0.keras``, as benchmarks/out does after
`benchmarks.accuracy.accuracy` and after this tool. ``--from`` also loads ``plain.keras`` if it
exists. ``--only`` leaves the other set as it is, and takes the metrics of baseline training from
it. ``--again`` compares with a second training.

``--compare`` trains again, writes nothing and reports the differences. ``--redraw`` renders card
and figures from the existing manifests. ``--smoke`` runs on a few of scikit-learn's digits with
the recipe `fast`; its results mean nothing, so it needs an ``--output``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
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
from tools.pretrained.figures import card_figures
from tools.pretrained.metrics import (
    accuracy_with_ci,
    calibration_metrics,
    cost_metrics,
    predict_proba,
    prediction_metrics,
    robustness_metrics,
)
from tools.pretrained.provenance import COMMAND, source_revision

SEED = 0
IMAGES = ROOT / "docs" / "images"
ACCURACY = RESULTS / "accuracy.json"
# Rounding of another processor can change this many predictions of a network.
_TOLERATED_CHANGES = 2

Weights = list[NDArray[np.float32]]


class Run(NamedTuple):
    """What a call of the tool works on.

    `accuracy` is the content of accuracy.json; `loaded` is true if the networks are loaded
    from a folder.
    """

    recipes: dict[str, recipes.Recipe]
    data: mnistcnn.Dataset
    accuracy: dict[str, Any]
    versions: dict[str, str]
    loaded: bool
    smoke: bool


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=PRETRAINED, help="this set of weights alone")
    parser.add_argument(
        "--from", dest="networks", type=Path, metavar="FOLDER", help="load trained networks"
    )
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="networks trained again")
    parser.add_argument("--accuracy", type=Path, default=ACCURACY, help="results of accuracy")
    parser.add_argument("--output", type=Path, help="a folder, instead of package and docs")
    parser.add_argument("--smoke", action="store_true", help="a few digits and the recipe fast")
    parser.add_argument("--compare", action="store_true", help="train again and compare")
    parser.add_argument("--redraw", action="store_true", help="card and figures alone")
    options = parser.parse_args(argv)
    if options.smoke and options.output is None:
        parser.error("--smoke must have an --output; received none")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    options = parse_args(argv)
    folder, images = options.output or FOLDER, options.output or IMAGES
    names = PRETRAINED if options.only is None else (options.only,)
    data = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    if options.redraw:
        write_card(existing_manifests(folder, PRETRAINED), data, folder, images)
        return
    run = start_run(options, names, data)
    if options.compare:
        for name in names:
            pretrained = list(read_pretrained(folder, name).arrays.values())
            again = get_weights(run, name, options.again)
            print(f"{name}: {describe_comparison(compare(pretrained, again, run.data))}")
        return
    # Read first, so that an absent set is reported before an hour of training.
    manifests = existing_manifests(folder, [name for name in PRETRAINED if name not in names])
    weights = {name: get_weights(run, name, options.networks) for name in names}
    again = {name: get_weights(run, name, options.again) for name in names if options.again}
    plain = None if manifests else plain_network(run, options.networks)
    metrics = measure(run, weights, plain)
    for manifest in manifests.values():
        metrics["plain"] = manifest.metrics["plain"]
    for name, arrays in weights.items():
        own_metrics = metrics[name] | {"plain": metrics["plain"]}
        if name in again:
            own_metrics["repeated_training"] = compare(arrays, again[name], run.data)
        manifests[name] = write_weights(folder, run, name, arrays, own_metrics).manifest
    write_card({name: manifests[name] for name in PRETRAINED}, data, folder, images)


def start_run(options: argparse.Namespace, names: Iterable[str], data: mnistcnn.Dataset) -> Run:
    """Return what the tool works on, after checks."""
    if not options.accuracy.is_file():
        sys.exit(
            f"{options.accuracy} does not exist; create it with: "
            "python -m benchmarks.accuracy.accuracy"
        )
    accuracy = json.loads(options.accuracy.read_text())
    loaded = options.networks is not None
    # Loaded networks were trained with the versions in accuracy.json.
    versions = software_versions() | (accuracy["versions"] if loaded else {})
    selected = {name: recipes.FAST if options.smoke else recipes.get(name) for name in names}
    run = Run(selected, data, accuracy, versions, loaded, options.smoke)
    check_same_recipes(run)
    return run


def existing_manifests(folder: Path, names: Iterable[str]) -> dict[str, Manifest]:
    """Return the manifests of sets that exist."""
    for name in names:
        if not (folder / f"{name}.json").is_file():
            sys.exit(f"{folder / name}.json does not exist; create both sets with: {COMMAND}")
    return {name: read_pretrained(folder, name).manifest for name in names}


def get_weights(run: Run, name: str, folder: Path | None) -> Weights:
    """Load the arrays of these weights from a folder, or train them."""
    if folder is not None:
        weights: Weights = mnistcnn.load_model(folder / f"{name}-{SEED}.keras").get_weights()
        return weights
    return list(train_network(run, run.recipes[name], f"{name}-{SEED}").get_weights())


def plain_network(run: Run, folder: Path | None) -> Any:
    """Load the network with baseline training from a folder, or train it."""
    file = None if folder is None else folder / "plain.keras"
    if file is not None and file.is_file():
        return mnistcnn.load_model(file)
    return train_network(run, PLAIN, "plain")


def train_network(run: Run, recipe: recipes.Recipe, name: str) -> Any:
    """Return a network after its last step, and save it."""
    model = mnistcnn.build_model(seed=SEED)
    x, y = mnistcnn.preprocess(*run.data.train)
    mnistcnn.train(model, x, y, recipe=recipe, callbacks=[], seed=SEED)
    if not run.smoke:
        save_model(model, OUT / f"{name}.keras")
        print(f"The trained network is in {OUT / name}.keras", flush=True)
    return model


def measure(run: Run, weights: Mapping[str, Weights], plain: Any | None) -> dict[str, Any]:
    """Return all metrics by name, also of the network with baseline training if there is one."""
    images, labels = run.data.test
    metrics, networks = {}, {}
    for name, arrays in weights.items():
        metrics[name], networks[name] = clean_metrics(run, name, arrays)
    if plain is not None:
        accuracy = mnistcnn.evaluate(plain, *mnistcnn.preprocess(images, labels)).accuracy
        metrics["plain"] = {"recipe": PLAIN.to_dict(), "accuracy": accuracy}
        networks["plain"] = plain
    for name, robustness in robustness_metrics(networks, images, labels).items():
        metrics[name]["robustness"] = robustness
    return metrics


def clean_metrics(run: Run, name: str, weights: Weights) -> tuple[dict[str, Any], Any]:
    """Return the metrics on original images, and the calibrated network."""
    with tempfile.TemporaryDirectory() as folder:
        # Written for the size of the file, and to load the network as users do.
        pretrained = write_weights(Path(folder), run, name, weights, {})
        file_bytes = (Path(folder) / pretrained.manifest.file).stat().st_size
    as_trained, calibrated = (
        network_of(pretrained, calibrated=calibrated) for calibrated in (False, True)
    )
    images, labels = run.data.test
    metrics = prediction_metrics(
        predict_proba(as_trained, images), predict_proba(calibrated, images), labels
    )
    seeds = {row["seed"]: row["correct"] for row in run.accuracy["recipes"][name]["test"]}
    check_same_network(run, name, metrics["test"]["correct"], seeds[SEED])
    seeds[SEED] = metrics["test"]["correct"]
    digits = mnistcnn.load_data("digits")
    x, y = (np.concatenate(arrays) for arrays in zip(*digits, strict=True))
    probabilities = predict_proba(calibrated, x)
    ece = calibration_metrics(mnistcnn.Evaluation.from_probabilities(probabilities, y))["ece"]
    return metrics | {
        "seeds": [list(pair) for pair in seeds.items()],
        "temperature": temperature_of(run.accuracy, name),
        "sklearn_digits": accuracy_with_ci(probabilities, y) | {"ece": ece},
        "cost": cost_metrics(calibrated, file_bytes=file_bytes),
    }, calibrated


def temperature_of(accuracy: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the mean of the temperatures fitted on held-out images, and each of them."""
    each = [row["temperature"] for row in accuracy["recipes"][name]["held_out"]]
    mean = round(statistics.mean(each), 4)
    return {"mean": mean, "each": each, "images": accuracy["held_out_images"]}


def check_same_recipes(run: Run) -> None:
    """Exit if accuracy.json has results of another recipe, or not all results."""
    for name, recipe in run.recipes.items():
        saved = run.accuracy["recipes"][name]
        if not run.smoke and recipes.Recipe.from_dict(saved["recipe"]) != recipe:
            sys.exit(
                f"accuracy.json must have results of the current recipe {name!r}; "
                "received those of another"
            )
        if not saved["held_out"] or SEED not in [row["seed"] for row in saved["test"]]:
            command = f"python -m benchmarks.accuracy.accuracy --only test held_out --recipe {name}"
            sys.exit(f"accuracy.json lacks results of {name!r}; measure them with: {command}")


def check_same_network(run: Run, name: str, correct: int, expected: int) -> None:
    """Exit if a loaded network isn't the one in accuracy.json."""
    if run.loaded and not run.smoke and abs(correct - expected) > _TOLERATED_CHANGES:
        sys.exit(
            f"{name} must classify {expected:,} test images correctly, as seed {SEED} in "
            f"accuracy.json; received {correct:,}"
        )


def network_of(pretrained: PretrainedWeights, *, calibrated: bool) -> Any:
    """Return the network with these weights, as `load_pretrained` does."""
    model = mnistcnn.build_model()
    model.set_weights(pretrained.weights(calibrated=calibrated))
    return model


def compare(weights: Weights, again: Weights, data: mnistcnn.Dataset) -> dict[str, Any]:
    """Return the differences between two trainings."""
    predictions = []
    for arrays in (weights, again):
        model = mnistcnn.build_model()
        model.set_weights(arrays)
        predictions.append(predict_proba(model, data.test.images).argmax(axis=1))
    differences = [float(np.abs(a - b).max()) for a, b in zip(weights, again, strict=True)]
    return {
        "identical": all(a.tobytes() == b.tobytes() for a, b in zip(weights, again, strict=True)),
        "max_difference": max(differences),
        "changed_predictions": int((predictions[0] != predictions[1]).sum()),
    }


def describe_comparison(result: dict[str, Any]) -> str:
    """Describe the result of `compare`."""
    if result["identical"]:
        return "bit-identical."
    return (
        f"not identical: weights differ by at most {result['max_difference']:.3g}, "
        f"{result['changed_predictions']} predictions for the test images differ."
    )


def write_weights(
    folder: Path, run: Run, name: str, weights: Weights, metrics: dict[str, Any]
) -> PretrainedWeights:
    """Write weights and manifest."""
    images, labels = run.data.train
    return write_pretrained(
        folder,
        weights,
        name=name,
        temperature=temperature_of(run.accuracy, name)["mean"],
        recipe=run.recipes[name].to_dict(),
        seed=SEED,
        command=COMMAND,
        commit=source_revision(),
        versions=run.versions,
        data={
            "name": "mnist",
            "images": len(images),
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        },
        metrics=metrics,
    )


def write_card(
    manifests: Mapping[str, Manifest], data: mnistcnn.Dataset, folder: Path, images: Path
) -> None:
    """Render the card and draw its figures."""
    card = model_card.render(list(manifests.values()), load_rejector_weights().manifest)
    write_text(folder / model_card.NAME, card)
    metrics = {name: manifest.metrics for name, manifest in manifests.items()}
    for name, figure in card_figures(metrics, data.test.images).items():
        with atomic_write(images / name) as temporary:
            figure.savefig(temporary, dpi=110, metadata={"Software": None})
    for name, each in metrics.items():
        print(f"{name}: {each['test']['correct']:,} test images classified correctly")
    print(f"Weights and card: {folder}, figures: {images}")


if __name__ == "__main__":
    main()
