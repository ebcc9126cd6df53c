"""What README says holds: its commands exist, its figures are the measured ones."""

import json
import pathlib
import re
import statistics

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.ocr.synthetic_pages import PAGE_STYLES
from mnistcnn import recipes
from mnistcnn.cli.export import FORMATS
from mnistcnn.export import parity
from mnistcnn.weights.pretrained import PRETRAINED

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_pages_say_that_nothing_was_lost_since_nothing_was():
    rows = json.loads((ROOT / "benchmarks/results/crash_recovery.json").read_text())["rows"]
    for fault in ("SIGKILL at a random moment", "SIGKILL during a write"):
        assert sum(row["kills"] for row in rows if row["fault"] == fault) >= 50
    for row in rows:
        assert row["different_results"] == row["unreadable_files"] == row["leftover_files"] == 0
        assert row["runs"] > 0


def test_the_pages_say_that_runs_repeat_and_keeping_costs_little():
    report = json.loads((ROOT / "benchmarks/results/determinism.json").read_text())
    recipes = {"baseline": mnistcnn.recipes.BASELINE, "best": mnistcnn.recipes.BEST}
    assert report["recipes"] == {name: recipe.to_dict() for name, recipe in recipes.items()}
    for row in report["determinism"].values():
        assert len(row["default_weights"]) == len(row["deterministic_weights"]) == 1
    assert all(row["overhead"] < 0.03 for row in report["checkpoints"].values())


def test_the_figures_in_readme_are_the_measured_ones():
    runs = json.loads((ROOT / "benchmarks/results/baseline.json").read_text())["runs"]
    accuracies = [f"{100 * run['test']['accuracy']:.2f} %" for run in runs]
    assert [run["seed"] for run in runs] == [0, 1, 2]
    sentence = f"the test accuracy is {accuracies[0]}, {accuracies[1]} and {accuracies[2]} for"
    assert sentence in " ".join(README.split())


def test_the_measured_runs_are_whole_and_beat_the_document():
    for run in json.loads((ROOT / "benchmarks/results/baseline.json").read_text())["runs"]:
        assert run["command"] == f"mnistcnn train --data mnist --seed {run['seed']}"
        assert (run["data"]["train"], run["data"]["test"]) == (60_000, 10_000)
        # Settings that recipes did not have at the time must be without effect in it.
        assert recipes.Recipe(**run["recipe"]) == recipes.BASELINE
        assert max(run["history"]["val_accuracy"]) >= 0.9711
        assert run["test"]["accuracy"] >= 0.9750


def test_the_figures_of_fast_in_readme_are_the_measured_ones():
    report = json.loads((ROOT / "benchmarks/results/throughput.json").read_text())[
        "time_to_accuracy"
    ]
    fast, script = report["fast"], report["keras_tutorial"]
    sentence = (
        f"reaches {100 * fast['accuracy']['mean']:.1f} % on MNIST (mean of ten seeds) in one pass "
        f"over the images: {fast['seconds']['median']:.1f} seconds on two processor cores, where "
        f"the tutorial's script takes {script['seconds']['median']:.0f}."
    )
    assert sentence in " ".join(README.split())
    assert len(fast["accuracy"]["each"]) == 10
    assert fast["accuracy"]["mean"] >= 0.99
    assert report["keras_tutorial_over_fast"] >= 7
    assert report["fast_15k"]["accuracy"]["mean"] >= 0.975


def test_training_is_as_fast_as_the_docs_say():
    for part in json.loads((ROOT / "benchmarks/results/throughput.json").read_text())["throughput"]:
        assert part["speedup_over"]["pytorch"] >= 1.25
        assert part["speedup_over"]["matmul"] >= 0.5


def test_every_format_was_measured_and_keeps_what_the_docs_say():
    report = json.loads((ROOT / "benchmarks/results/exports.json").read_text())
    assert set(report["weights"]) <= set(PRETRAINED)
    assert report["images"] == 10_000
    for rows in report["parity"].values():
        assert 2 * rows.pop("litert-int8")["mean"] <= parity.INT8_MEAN_ATOL
        assert all(2 * row["max"] <= row["tolerance"] for row in rows.values())
    for figures in report["weights"].values():
        right = figures.pop("keras")["correct"]
        assert list(figures) == list(FORMATS)
        small = figures.pop("litert-int8")
        assert small["bytes"] < figures["litert"]["bytes"] / 3
        assert abs(small["correct"] - right) <= 20
        for row in figures.values():
            assert row["max_difference"] <= parity.FLOAT32_ATOL
            assert row["correct"] == right


def test_every_target_and_file_that_readme_names_exists():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"make ([a-z]+)", README):
        assert target in targets
    for name in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / name).is_file()
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE"):
        assert (ROOT / name).is_file()


PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_readmes_program_reads_a_picture_as_written(digits):
    first = digits.test.images[0]
    Image.fromarray(np.pad(255 - first, 12, constant_values=255)).save("page.jpg")
    (program,) = (one for one in PROGRAMS if "Recognizer" in one)
    names: dict = {}
    exec(compile(program, "README.md", "exec"), names)
    assert names["reading"].text == str(digits.test.labels[0])
    assert pathlib.Path("seen.png").is_file()


def test_readmes_program_runs_as_written(monkeypatch):
    """On a handful of digits in place of MNIST, checked line by line up to the print."""
    (program,) = (one for one in PROGRAMS if "train" in one)
    dataset = mnistcnn.load_data("digits")
    small = mnistcnn.Dataset(
        mnistcnn.Split(dataset.train.images[:100], dataset.train.labels[:100]), dataset.test
    )
    monkeypatch.setattr(mnistcnn, "load_data", lambda source: small, raising=False)
    exec(compile(program, "README.md", "exec"), {})
    assert pathlib.Path("bestmodel.keras").is_file()
    assert pathlib.Path("history.png").is_file()


def test_pages_are_read_as_well_as_promised():
    report = json.loads((ROOT / "benchmarks/results/ocr_accuracy.json").read_text())
    assert set(report["page_styles"]) == set(PAGE_STYLES)
    right = {name: part["accuracy"] for name, part in report["page_styles"].items()}
    assert right["clean"] >= 0.99
    for name in ("uneven light", "noise", "tilt to 10 degrees", "light, tilt and noise"):
        assert right[name] >= 0.97, name


def test_confidence_tells_digits_from_what_is_none_as_the_docs_say():
    report = json.loads((ROOT / "benchmarks/results/ocr_accuracy.json").read_text())["confidence"]
    at = report["thresholds"].index(0.9)
    left, alone = (
        {name: row[at] for name, row in report[key].items()}
        for key in ("accepted", "accepted_without_rejector")
    )
    assert left.pop("digits") >= 0.97
    assert left.pop("scikit-learn's digits") >= alone["scikit-learn's digits"] - 0.05
    assert left["distorted letters"] <= 0.15
    assert left["blots"] <= 0.1
    # Of each kind half as much, or nearly, but for letters that look like digits.
    del left["letters that resemble digits"]
    assert all(share <= 0.7 * alone[name] for name, share in left.items())


def test_reading_is_as_fast_as_promised():
    report = json.loads((ROOT / "benchmarks/results/latency.json").read_text())
    ours, keras = report["backends"]["recognizer"], report["backends"]["keras_predict"]
    assert ours["relative_to_onnxruntime"]["1"] <= 1.3
    assert 500 / ours["seconds"]["500"]["median"] >= 14_000
    assert keras["seconds"]["1"]["median"] > 100 * ours["seconds"]["1"]["median"]
    assert report["cold_start"]["recognizer"]["median"] < 0.6
    stream = report["streaming"]
    assert stream["images"] >= 10_000_000
    assert stream["peak_mib"] <= 1.02 * stream["peak_mib_after_one_chunk"]


def test_what_was_read_on_the_test_images_is_told():
    """Besides the recipes, which have tables of their own."""
    page = " ".join((ROOT / "docs/explanation/recipe-search.md").read_text().split())
    read = json.loads((ROOT / "benchmarks/results/recipe_search.json").read_text())[
        "evaluated_on_test_set"
    ]
    told = page.partition("**What was read on the test images.**")[2].partition("**")[0]
    assert len(read) == 2
    for candidate in read:
        assert f"{candidate['recipe']['epochs']} epochs" in told
        for run in candidate["runs"]:
            assert f"{100 * run['accuracy']:.2f}" in told
    mean = statistics.mean(run["accuracy"] for run in read[1]["runs"])
    assert f"a mean of {100 * mean:.2f} %" in told
    assert f"{100 * read[0]['sklearn_digits']:.2f} % of scikit-learn's digits" in page


def test_nothing_was_lost_of_what_was_tried():
    fuzz = json.loads((ROOT / "benchmarks/results/fuzz.json").read_text())
    assert fuzz["cases"] == sum(row["cases"] for row in fuzz["formats"].values()) >= 20_000
    for name, row in fuzz["formats"].items():
        assert row["other errors"] == row["too slow"] == row["crashed or hung"] == 0, name
        assert row["read"] + row["rejected"] == row["cases"] >= 500, name
        assert row["longest_seconds"] <= fuzz["max_cpu_seconds"] == 5, name
        picture = name in {"PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "JPEG2000", "AVIF"}
        # Damage may make a lawful picture of 50 megapixels; the page tells what that takes.
        assert row["memory_mib"] <= (1331 if picture else 200), name
    faults = json.loads((ROOT / "benchmarks/results/fault_count.json").read_text())["kinds"]
    assert all(row["failed"] == 0 and row["tried"] >= 20 for row in faults.values())
