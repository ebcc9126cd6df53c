"""The command ``mnistcnn report``: write an HTML report about a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mnistcnn.cli import arguments, common, evaluate, loading, stored_evaluation
from mnistcnn.cli.plot import plot_saved_history
from mnistcnn.utils.text import escape

SUFFIXES = (".html", ".htm")
_MAX_TEXT_CHARS = 1000  # of a command or a list of versions


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        parents=[arguments.data_arguments(), arguments.json_arguments()],
        help="write an HTML report about a model: metrics, misclassified images, figures",
        description="Evaluate a model on the test images and write one self-contained HTML page: "
        "metrics, misclassified images, calibration and, if the result.json of the training run "
        "is beside the model file, how the model was trained.",
    )
    parser.add_argument("model", metavar="MODEL", help=arguments.MODEL_HELP)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="write the page here (default: report.html)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the model and write the page."""
    from mnistcnn.utils.environment import import_matplotlib
    from mnistcnn.utils.validation import check_path
    from mnistcnn.weights.pretrained import PRETRAINED

    console = common.new_console()
    path = check_path("--output", options.output or Path("report.html"), suffixes=SUFFIXES)
    loading.check_model(options.model)
    import_matplotlib()
    model_path = Path(options.model)
    inputs = [
        model_path,
        _result_file(model_path),
        *loading.data_files(options.data, options.test_data),
    ]
    check_output = partial(common.check_outputs, [path], inputs, named=options.output is not None)
    check_output()
    pretrained = options.model in PRETRAINED
    # Damaged files raise here, before the evaluation, which takes long.
    training = _from_manifest(options.model) if pretrained else _from_run(model_path)
    history = None
    if training.get("history") is not None:
        history = plot_saved_history(training, _result_file(model_path))
    dataset, data = loading.load_dataset(options, console)
    from mnistcnn.models.loading import as_model
    from mnistcnn.report.page import render_report
    from mnistcnn.utils.atomic_write import write_text

    network = as_model(options.model)
    result = stored_evaluation.evaluate_model(network, dataset)
    versions = common.versions()
    recipe = training.get("recipe")
    page = render_report(
        network,
        result,
        dataset.test.images,
        title=f"Pretrained weights: {options.model}" if pretrained else model_path.name,
        data=data["source"],
        about=[
            ("Model", options.model),
            ("Test images", f"{data['source']}, {data['test']:,}"),
            ("Command", options.command),
            ("Versions", _format_versions(versions)),
        ],
        training=list(training_rows(training)),
        recipe=list(flatten(recipe)) if isinstance(recipe, dict) else [],
        history=history,
    )
    check_output()
    write_text(path, page)
    size = path.stat().st_size
    evaluate.print_evaluation(result, console)
    console.print(f"{escape(path)}: {size:,} bytes")
    return {
        "versions": versions,
        "data": data,
        "model": options.model,
        "path": str(path),
        "bytes": size,
        "test": result.to_dict(),
    }


def _result_file(model: Path) -> Path:
    return model.parent / "result.json"


def _from_run(model: Path) -> dict[str, Any]:
    """Return the result.json that `mnistcnn train` wrote beside the model, if it is of it."""
    path = _result_file(model)
    if not path.is_file():
        return {}
    result = stored_evaluation.read_json(path)
    return result if result.get("model") == model.name else {}


def _from_manifest(name: str) -> dict[str, Any]:
    from mnistcnn.weights.pretrained import load_pretrained_weights

    return load_pretrained_weights(name).manifest.to_dict()


def training_rows(training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and value of what a result.json or manifest records about the training."""
    recipe, data = training.get("recipe"), training.get("data")
    if isinstance(recipe, dict):
        yield (
            "Recipe",
            ", ".join(f"{k} {escape(recipe[k])}" for k in ("name", "epochs") if k in recipe),
        )
    if "seed" in training:
        seed = training["seed"]
        yield "Seed", "none (not reproducible)" if seed is None else escape(seed)
    if isinstance(data, dict):
        images = data.get("images", data.get("train"))
        name = escape(data.get("source", data.get("name")))
        yield "Data", f"{name}, {escape(images)} images"
    if "training_seconds" in training:
        yield "Seconds", escape(training["training_seconds"])
    for name in ("command", "commit"):
        if name in training:
            yield name.capitalize(), escape(training[name], limit=_MAX_TEXT_CHARS)
    if isinstance(training.get("versions"), dict):
        yield "Versions", escape(_format_versions(training["versions"]), limit=_MAX_TEXT_CHARS)


def _format_versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting as text, a nested one as ``augmentation.rotation``."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield escape(f"{prefix}{name}"), "none" if value is None else escape(value)
