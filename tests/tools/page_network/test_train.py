"""Training of the page network runs, continues from its checkpoint and writes the network."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.harness import ROOT
from mnistcnn.weights.arrays import PAGE_NETWORK_WEIGHT_SHAPES
from mnistcnn.weights.pretrained import PAGE_NETWORK, read_pretrained
from tests.helpers.workers import subprocess_env
from tools.page_network.asset import write_asset
from tools.page_network.train import parse_arguments


def run(folder, *options):
    command = [sys.executable, "-m", "tools.page_network.train", "--smoke", "--output", str(folder)]
    completed = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env=subprocess_env(),
        capture_output=True,
        text=True,
        check=True,
    )
    return completed.stdout.splitlines()


@pytest.mark.slow
def test_smoke_run_writes_the_network_and_continues(tmp_path):
    records = [json.loads(line) for line in run(tmp_path)]
    assert records[-1]["step"] == 2
    assert {"precision", "recall", "class_accuracy", "ink", "centers"} <= set(records[-1])
    arrays = load_file(tmp_path / "page_network.safetensors")
    assert all(array.dtype == np.float16 for array in arrays.values())
    assert arrays["digits_2/kernel"].shape == (1, 1, 48, 14)
    assert all(np.isfinite(array).all() for array in arrays.values())
    # All steps are done, so there is nothing left to train.
    before = (tmp_path / "checkpoint.npz").read_bytes()
    (message,) = run(tmp_path, "--install", str(tmp_path / "assets"))
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert message.startswith(f"The page network is in {tmp_path / 'assets'}: ")
    installed = read_pretrained(tmp_path / "assets", PAGE_NETWORK, PAGE_NETWORK_WEIGHT_SHAPES)
    for name, array in installed.arrays.items():
        np.testing.assert_array_equal(array, arrays[name])
    manifest = installed.manifest
    assert (manifest.command, manifest.seed, manifest.temperature) == ("make page-network", 0, 1)
    assert manifest.recipe["steps"] == manifest.recipe["validation_pages"] == 2
    assert {"precision", "recall", "class_accuracy"} <= set(manifest.metrics["validation"])


def test_smoke_weights_are_not_installed_in_the_package(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--smoke", "--install"])
    message = "--install must name a FOLDER with --smoke; received none"
    assert message in capsys.readouterr().err


def test_manifest_describes_where_the_pages_come_from(tmp_path):
    fonts = tmp_path / "node_modules"
    for name in ("kalam", "lato"):
        (fonts / "@fontsource" / name).mkdir(parents=True)
        (fonts / "@fontsource" / name / "package.json").write_text('{"version": "5.3.1"}')
    arrays = {
        name: np.zeros(shape, np.float32) for name, shape in PAGE_NETWORK_WEIGHT_SHAPES.items()
    }
    images, labels = np.arange(784, dtype=np.uint8).reshape(1, 28, 28), np.array([3], np.uint8)
    write_asset(
        tmp_path,
        arrays,
        images=images,
        labels=labels,
        fonts=fonts,
        hyperparameters={"steps": 5},
        seed=7,
        metrics={"recall": 0.5},
    )
    manifest = read_pretrained(tmp_path, PAGE_NETWORK, PAGE_NETWORK_WEIGHT_SHAPES).manifest
    assert manifest.data == {
        "name": "synthetic pages of mnist",
        "images": 1,
        "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
    }
    assert (manifest.recipe["steps"], manifest.seed) == (5, 7)
    assert manifest.recipe["typefaces"] == {"kalam": "5.3.1", "lato": "5.3.1"}
    assert manifest.recipe["drawing_libraries"]["pillow"] == version("pillow")
    assert manifest.metrics == {"validation": {"recall": 0.5}}
    assert manifest.commit


def test_an_average_needs_initial_weights(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--average"])
    assert "--average must have --initial; received none" in capsys.readouterr().err
