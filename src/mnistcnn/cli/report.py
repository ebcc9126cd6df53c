"""What ``mnistcnn report`` does: one page about one network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mnistcnn.cli import common, evaluate, loading, stored_evaluation
from mnistcnn.utils.validation import check_path

SUFFIXES = (".html", ".htm")


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the network and write the page, whole or not at all."""
    pass
    from mnistcnn.weights.pretrained import PRETRAINED

    console = common.new_console()
    path = check_path("--output", options.output, suffixes=SUFFIXES)
    loading.check_model(options.model)
    shipped = options.model in PRETRAINED
    # Read first: what is damaged is refused before the long part.
    known = _from_manifest(options.model) if shipped else _from_run(Path(options.model))
    history = None
    if known.get("history") is not None:
        history = _history(known, Path(options.model))
    _, test, data = loading.load(options.data, console)
    from mnistcnn.models.loading import as_model
    from mnistcnn.report.page import render_report
    from mnistcnn.utils.atomic_write import write_text

    network = as_model(loading.resolve_model(options.model))
    result = stored_evaluation.evaluate_source(network, test)

    versions = common.versions()
    recipe = known.get("recipe")
    page = render_report(
        network,
        result,
        test.images,
        title=f"Shipped weights: {options.model}" if shipped else Path(options.model).name,
        data=data["source"],
        about=[
            ("Network", options.model),
            ("Test images", f"{data['source']}, {data['test']:,}"),
            ("Command", options.command),
            ("Versions", _format_versions(versions)),
        ],
        training=list(_training_rows(known)),
        recipe=list(_flatten(recipe)) if isinstance(recipe, dict) else [],
        history=history,
    )
    write_text(path, page)
    size = path.stat().st_size
    evaluate.show(result, console)
    console.print(f"{path}: {size:,} bytes")
    return {
        "versions": versions,
        "data": data,
        "model": options.model,
        "path": str(path),
        "bytes": size,
        "test": result.to_dict(),
    }


def _from_run(model: Path) -> dict[str, Any]:
    """Return what `mnistcnn train` left beside its network, if it is of this one."""
    beside = model.parent / "result.json"
    if not beside.is_file():
        return {}
    found = stored_evaluation.read_document(beside)
    return found if found.get("model") == model.name else {}


def _from_manifest(name: str) -> dict[str, Any]:
    from mnistcnn.weights.pretrained import load_pretrained_weights

    return load_pretrained_weights(name).manifest.to_dict()


def _history(known: Mapping[str, Any], model: Path) -> Any:
    from mnistcnn.cli.plot import history_of

    return history_of(known, model.parent / "result.json")


def _training_rows(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is known of the training, each with its name."""
    recipe, data = known.get("recipe"), known.get("data")
    if isinstance(recipe, dict):
        yield "Recipe", ", ".join(f"{k} {recipe[k]}" for k in ("name", "epochs") if k in recipe)
    if "seed" in known:
        seed = known["seed"]
        yield "Seed", "none: it won't repeat" if seed is None else str(seed)
    if isinstance(data, dict):
        images = data.get("images", data.get("train"))
        yield "Data", f"{data.get('source', data.get('name'))}, {images} images"
    if "training_seconds" in known:
        yield "Seconds", str(known["training_seconds"])
    for name in ("command", "commit"):
        if name in known:
            yield name.capitalize(), str(known[name])
    if isinstance(known.get("versions"), dict):
        yield "Versions", _format_versions(known["versions"])


def _format_versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _flatten(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Give every setting, one within another as ``augmentation.rotation``."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", "none" if value is None else str(value)
