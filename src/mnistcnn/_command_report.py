"""What ``mnistcnn report`` does: one page about one network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mnistcnn import _command_evaluate as evaluations
from mnistcnn import _command_tools as tools

SUFFIXES = (".html", ".htm")


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the network and write the page, whole or not at all."""
    from mnistcnn import _checks
    from mnistcnn._assets import SHIPPED

    console = tools.new_console()
    path = _checks.path("--output", options.output, suffixes=SUFFIXES)
    tools.check_network(options.model)
    shipped = options.model in SHIPPED
    # Read first: what is damaged is refused before the long part.
    known = _of_shipped(options.model) if shipped else _of_training(Path(options.model))
    history = None
    if known.get("history") is not None:
        history = _history(known, Path(options.model))
    _, test, data = tools.load(options.data, console)
    from mnistcnn._files import write_text
    from mnistcnn._model import as_network
    from mnistcnn._report import report_page

    network = as_network(tools.network(options.model))
    result = evaluations.evaluated(network, test)

    versions = tools.versions()
    recipe = known.get("recipe")
    page = report_page(
        network,
        result,
        test.images,
        title=f"Shipped weights: {options.model}" if shipped else Path(options.model).name,
        data=data["source"],
        about=[
            ("Network", options.model),
            ("Test images", f"{data['source']}, {data['test']:,}"),
            ("Command", options.command),
            ("Versions", _listed(versions)),
        ],
        training=list(_facts(known)),
        recipe=list(_flat(recipe)) if isinstance(recipe, dict) else [],
        history=history,
    )
    write_text(path, page)
    size = path.stat().st_size
    evaluations.show(result, console)
    console.print(f"{path}: {size:,} bytes")
    return {
        "versions": versions,
        "data": data,
        "model": options.model,
        "path": str(path),
        "bytes": size,
        "test": result.to_dict(),
    }


def _of_training(model: Path) -> dict[str, Any]:
    """Return what `mnistcnn train` left beside its network, if it is of this one."""
    beside = model.parent / "result.json"
    if not beside.is_file():
        return {}
    found = evaluations.document(beside)
    return found if found.get("model") == model.name else {}


def _of_shipped(name: str) -> dict[str, Any]:
    from mnistcnn._assets import read_shipped

    return read_shipped(name).manifest.to_dict()


def _history(known: Mapping[str, Any], model: Path) -> Any:
    from mnistcnn._command_plot import history_of

    return history_of(known, model.parent / "result.json")


def _facts(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
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
        yield "Versions", _listed(known["versions"])


def _listed(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Give every setting, one within another as ``augmentation.rotation``."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", "none" if value is None else str(value)
