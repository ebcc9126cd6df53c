"""Every benchmark runs with ``--smoke`` and writes results of the same form as the saved ones."""

import importlib
import json
import pathlib

import pytest

from benchmarks.harness import RESULTS, ROOT

slow = pytest.mark.slow
FAST = ["data.csv_loading", "robustness.concurrent_download"]
SLOW = [
    "data.sheets",
    "accuracy.baseline",
    "accuracy.finetuning",
    "inference.exports",
    "inference.installation",
    "inference.latency",
    "inference.service",
    "ocr.accuracy",
    "ocr.line_accuracy",
    "ocr.photographs",
    "robustness.crash_recovery",
    "training.determinism",
    "training.recipe_search_fast",
]
# More than 20 seconds each.
LONG = [
    "accuracy.accuracy",
    "accuracy.recipe_search",
    "robustness.fault_count",
    "robustness.fuzz",
    "training.ablation",
    "training.multi_worker",
    "training.scaling",
    "training.throughput",
]
FORKS = {"robustness.crash_recovery", "training.determinism"}
# What the smoke mode leaves out, or calls otherwise.
OPEN_KEYS = {
    "candidates", "after", "recipe", "weights", "parity", "formats", "backends", "cold_start", "sides",
    "batches", "recipes", "determinism", "checkpoints", "ablation", "kinds", "seconds", "efficiency",
    "page_styles", "log", "keras_fit", "versions", "inference", "relative_to_onnxruntime", "history",
    "megapixels", "images_per_second", "speedup_over", "readers", "peer_versions", "min_confidence", "wrong_by_kind", "packages",
}  # fmt: skip


def result_file(module):
    name = module.replace("ocr.accuracy", "ocr.ocr_accuracy").rpartition(".")[2]
    return f"{name}.json"


def check_same_form(result, saved, path="results"):
    """The same keys, except below those that depend on what was measured."""
    if isinstance(saved, dict):
        missing = set(saved) - set(result)
        assert not missing, f"{path} lacks {missing}"
        for key in set(saved) - OPEN_KEYS:
            check_same_form(result[key], saved[key], f"{path}.{key}")
    elif isinstance(saved, list) and saved and isinstance(saved[0], dict):
        check_same_form(result[0], saved[0], f"{path}[0]")


@pytest.mark.parametrize(
    "module",
    [
        *FAST,
        *(pytest.param(name, marks=slow) for name in SLOW),
        *(pytest.param(name, marks=pytest.mark.release) for name in LONG),
    ],
)
def test_smoke_run_writes_results(module, tmp_path, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in RESULTS.iterdir()}
    if module in FORKS:
        run_in_a_process(module, tmp_path)
    else:
        monkeypatch.setattr("benchmarks.harness.OUT", tmp_path / "out")
        main = importlib.import_module(f"benchmarks.{module}").main
        assert not main(["--smoke", "--output", str(tmp_path / "results.json")])
    result = json.loads((tmp_path / "results.json").read_text())
    saved = json.loads((RESULTS / result_file(module)).read_text())
    check_same_form(result, saved)
    assert {path: path.stat().st_mtime_ns for path in RESULTS.iterdir()} == before


def run_in_a_process(module, folder):
    """A benchmark that forks must not run in a process with many threads."""
    import subprocess
    import sys

    from tests.helpers.workers import subprocess_env

    subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", "--smoke", "--output",
         str(folder / "results.json")],
        check=True, cwd=ROOT, env=subprocess_env(), capture_output=True,
    )  # fmt: skip


def test_cost_model_prints_an_estimate(capsys):
    importlib.import_module("benchmarks.training.cost_model").main(["--images", "1e6"])
    assert "1,000,000 images on 100 cores" in capsys.readouterr().out


def test_every_benchmark_has_a_smoke_test_and_a_results_file():
    modules = set()
    for path in pathlib.Path(ROOT, "benchmarks").glob("*/*.py"):
        if '__name__ == "__main__"' in path.read_text() and path.parent.name != "baselines":
            modules.add(f"{path.parent.name}.{path.stem}")
    assert modules == {*FAST, *SLOW, *LONG, "training.cost_model"}
    expected = {result_file(module) for module in (*FAST, *SLOW, *LONG)} | {"throughput.png"}
    assert {path.name for path in RESULTS.iterdir()} == expected
