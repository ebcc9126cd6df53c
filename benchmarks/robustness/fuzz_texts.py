"""Fuzz targets for texts of settings and requests: patterns, forms, recipes, clusters, HTTP."""

from __future__ import annotations

import argparse
import html.parser
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import mnistcnn
from benchmarks.robustness.fuzz_target import FuzzTarget, as_file
from mnistcnn import recipes
from mnistcnn.cli import recipe_options, report
from mnistcnn.cli.fields import load_fields
from mnistcnn.cli.stored_evaluation import read_json
from mnistcnn.notebook.html import table
from mnistcnn.ocr.pattern_matching import compile_pattern
from mnistcnn.sweeps.sweep import load_run
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.training.distribute.cluster import cluster_from_env

_FINGERPRINT = "0" * 64


def text_targets() -> Iterator[FuzzTarget]:
    """Yield all targets of this module; without the extra for the service, not its requests."""
    yield from _forms()
    yield from _recipes()
    yield from _records()
    yield _cluster()
    if find_spec("fastapi"):
        yield _request()


def _forms() -> Iterator[FuzzTarget]:
    fields = [
        {"name": "invoice", "region": [0.5, 0.1, 0.9, 0.2], "pattern": r"\d{5}"},
        {"name": "date", "region": [10, 20, 300, 60], "pattern": r"[0-3]\d\.(0|1)\d(\.\d+)?"},
        {"name": "items", "pattern": 3},
    ]
    yield FuzzTarget(
        name="fields of a form",
        format="JSON",
        seeds=(json.dumps(fields).encode(),),
        write=as_file("fields.json"),
        read=load_fields,
    )
    patterns = (r"\d{5}", r"[0-3]\d\.(0|1)\d(\.\d+)?", r"(\d{3}-?){1,4}|0+|[^2-8]{2,9}")
    yield FuzzTarget(
        name="pattern",
        format="regular expression",
        seeds=tuple(pattern.encode() for pattern in patterns),
        write=as_file("pattern.txt"),
        read=_read_pattern,
        expected_errors=(ValueError,),
    )


def _read_pattern(path: Path) -> None:
    """Find the most probable of three uncertain digits and a certain one."""
    pattern = compile_pattern(path.read_bytes().decode(errors="replace"))
    certain = np.eye(10, dtype=np.float32)[7]
    fit = pattern.best_fit([np.full(10, 0.1, np.float32)] * 3 + [certain], [False] * 4)
    assert fit is None or set(fit.labels) <= set(range(10))


def _recipes() -> Iterator[FuzzTarget]:
    robust = recipes.ROBUST.to_dict()
    yield FuzzTarget(
        name="recipe",
        format="JSON",
        seeds=(
            json.dumps(robust).encode(),
            json.dumps({**robust, "teacher": recipes.FAST.to_dict()}).encode(),
        ),
        write=as_file("recipe.json"),
        read=lambda path: recipes.Recipe.from_dict(read_json(path)),
        expected_errors=(TypeError, ValueError),
    )
    settings = """epochs = 3
learning_rate = 1e-3
[augmentation]
rotation = 8
[teacher]
name = "fast"
epochs = 2
batch_size = 32
learning_rate = 0.01
optimizer = "muon"
augmentation.shear = 5
"""
    yield FuzzTarget(
        name="--config",
        format="TOML",
        seeds=(b"epochs = 3\ndropout = 0.5\nmonitor = 'none'\n", settings.encode()),
        write=as_file("recipe.toml"),
        read=_read_config,
        expected_errors=(ValueError,),
    )


def _read_config(path: Path) -> None:
    options = argparse.Namespace(config=path, settings=[], epochs=None, batch_size=None)
    recipe = recipe_options.resolve_recipe("robust", recipe_options.overrides(options))
    assert isinstance(recipe, recipes.Recipe)


def _records() -> Iterator[FuzzTarget]:
    """Yield the records of a run, in the file of a sweep and in the page of a report."""
    rng = np.random.default_rng(0)
    evaluation = mnistcnn.Evaluation.from_probabilities(
        rng.dirichlet(np.ones(10), 5), rng.integers(0, 10, 5)
    )
    spec = RunSpec(recipes.FAST, 3)
    record: dict[str, Any] = {
        **spec.to_dict(),
        "training_seconds": 1.5,
        "history": {"loss": [0.5, 0.25], "accuracy": [0.5, 0.75]},
        "test": evaluation.to_dict(),
    }
    yield FuzzTarget(
        name="run of a sweep",
        format="JSON",
        seeds=(json.dumps({"data_sha256": _FINGERPRINT, **record}).encode(),),
        write=as_file("fast-seed-3.json"),
        read=lambda path: load_run(path, spec, _FINGERPRINT).to_dict(),
        expected_errors=(ValueError,),
    )
    del record["test"]
    record |= {
        "command": "mnistcnn train --seed 3",
        "versions": {"python": "3.11", "mnistcnn": "0.1"},
        "data": {"source": '<digits> & "letters"', "train": 1442},
    }
    yield FuzzTarget(
        name="record in a report",
        format="JSON",
        seeds=(json.dumps(record).encode(),),
        write=as_file("result.json"),
        read=_read_record,
    )


class _Tags(html.parser.HTMLParser):
    """Collects the names of the elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, _: Any) -> None:
        """Add a name."""
        self.names.add(tag)


def _read_record(path: Path) -> None:
    """Check that the texts of a record are printable, and add no elements to a page."""
    record = read_json(path)
    recipe = record.get("recipe")
    rows = list(report.training_rows(record))
    rows += report.flatten(recipe) if isinstance(recipe, dict) else []
    assert all(text.isprintable() for row in rows for text in row)
    assert _Tags(table(rows)).names <= {"table", "tbody", "tr", "td"}


def _cluster() -> FuzzTarget:
    cluster = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}}
    return FuzzTarget(
        name="TF_CONFIG",
        format="JSON",
        seeds=(json.dumps({**cluster, "task": {"type": "worker", "index": 1}}).encode(),),
        write=as_file("cluster.json"),
        read=_read_cluster,
        expected_errors=(ValueError,),
    )


def _read_cluster(path: Path) -> None:
    # Variables hold no null bytes, and arbitrary bytes as surrogates.
    text = os.fsdecode(path.read_bytes().replace(b"\0", b""))
    with mock.patch.dict(os.environ, {"TF_CONFIG": text}):
        cluster = cluster_from_env()
    assert 0 <= cluster.rank < cluster.world_size


def _request() -> FuzzTarget:
    """Return the body of a request for the classes of images."""
    from mnistcnn.serve.computation import predict_images

    image = np.random.default_rng(0).integers(0, 256, (28, 28)).tolist()
    recognizer = mnistcnn.Recognizer(num_threads=1)

    def read(path: Path) -> None:
        result = predict_images(recognizer, path.read_bytes())
        assert np.shape(result["probabilities"]) == (len(result["labels"]), 10)

    return FuzzTarget(
        name="request",
        format="JSON",
        seeds=(json.dumps({"images": [image]}).encode(),),
        write=as_file("request.json"),
        read=read,
        expected_errors=(ValueError,),
    )
