"""The tables of the documentation that show benchmark results."""

import functools
import pathlib

import pytest

pytest.importorskip("sphinx", reason="a development dependency")

import benchmark_tables
from benchmark_tables import accuracy, base, faults, training
from docutils import nodes
from docutils.parsers.rst import DirectiveError

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def content_of(directive, report):
    """Return what a directive shows of a report, as texts and rows, or its error."""

    def text(node):
        return node.astext().replace("\N{NO-BREAK SPACE}", " ")

    try:
        content = object.__new__(directive).content_of(report)
    except DirectiveError as error:
        return f"error: {error.msg}"
    result = []
    for node in content:
        rows = [list(map(text, row.children)) for row in node.findall(nodes.row)]
        result += rows or [text(node)]
    return result


@pytest.mark.parametrize("name", benchmark_tables.DIRECTIVES)
def test_every_directive_shows_the_saved_results(name):
    directive = benchmark_tables.DIRECTIVES[name]
    if directive is faults.FaultCounts:
        for results, rows_of in faults._ROWS.items():
            for row in rows_of(base.load_results(results)):
                assert len(row) == 4
        return
    for row in content_of(directive, base.load_results(directive.results)):
        assert row
        assert "None" not in row


def test_every_directive_is_used_in_a_page():
    pages = "".join(path.read_text() for path in DOCS.glob("*/*.md"))
    for name in benchmark_tables.DIRECTIVES:
        assert f"{{{name}}}" in pages


def test_absent_file_is_an_error_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "RESULTS", tmp_path)
    with pytest.raises(DirectiveError) as caught:
        object.__new__(accuracy.Seeds).run()
    assert caught.value.msg == (
        f"{tmp_path}/accuracy.json does not exist; create it with: "
        "python -m benchmarks.accuracy.accuracy"
    )


def runs(*accuracies, **more):
    return [
        {
            "seed": seed,
            "accuracy": value,
            "correct": round(10_000 * value),
            "seconds": 100 * (seed + 1),
            "calibrated_loss": 1 - value,
            "corrupted": value / 2,
            "sklearn_digits": value - 0.1,
            "corruptions": {"blur": value / 2, "lines": value / 4},
            **more,
        }
        for seed, value in enumerate(accuracies)
    ]


@pytest.fixture
def report():
    return {
        "cores": 2,
        "plain": {"held_out": runs(0.8, 0.8)},
        "recipes": {
            "best": {"test": runs(0.99, 0.98), "held_out": runs(0.96, 0.94)},
            "robust": {"test": runs(0.9, 0.9), "held_out": runs(0.88, 0.88, corrupted=0.75)},
        },
        "ablation": {
            "epochs": 12,
            "variants": {
                "unchanged": {"held_out": runs(0.9, 0.8)},
                "no bias": {"held_out": runs(0.89, 0.77)},
                "more": {"held_out": runs(0.91, 0.83)},
            },
        },
        "cost": {
            "images_per_second": {"with_augmentation": 1_000, "without_augmentation": 1_250},
            "turns": 7,
            "slowdown": 0.25,
        },
    }


def test_test_accuracy_of_every_seed(report):
    report["recipes"]["robust"]["test"].reverse()  # in the order in which they were measured
    assert content_of(accuracy.Seeds, report) == [
        ["seed", "best", "correct of 10,000", "seconds", "robust", "correct of 10,000", "seconds"],
        ["0", "99.00 %", "9,900", "100", "90.00 %", "9,000", "100"],
        ["1", "98.00 %", "9,800", "200", "90.00 %", "9,000", "200"],
        ["mean", "98.50 % ± 0.71", "", "150", "90.00 % ± 0.00", "", "150"],
    ]


def test_held_out_accuracy_beside_plain_training(report):
    plain = "baseline training"
    assert content_of(accuracy.HeldOut, report) == [
        ["", "clean", "each seed, %", "loss", "corrupted", "each seed, %", "scikit-learn's digits"],
        [plain, "80.00 %", "80.00, 80.00", "0.2000", "40.00 %", "40.00, 40.00", "70.00 %"],
        ["best", "95.00 %", "96.00, 94.00", "0.0500", "47.50 %", "48.00, 47.00", "85.00 %"],
        ["robust", "88.00 %", "88.00, 88.00", "0.1200", "75.00 %", "75.00, 75.00", "78.00 %"],
        ["corruption", plain, "best", "robust"],
        ["blur", "40.00 %", "47.50 %", "44.00 %"],
        ["lines", "20.00 %", "23.75 %", "22.00 %"],
    ]


def test_ablation_with_differences_and_standard_errors(report):
    *rows, note = content_of(accuracy.Ablation, report)
    minus = "\N{MINUS SIGN}"
    assert rows == [
        ["", "clean, %", "change", "loss", "change", "corrupted, %", "change", "scikit-learn's digits, %", "change"],
        ["unchanged", "85.00", "", "0.1500", "", "42.50", "", "75.00", ""],
        ["no bias", "83.00", f"{minus}2.00 ± 1.00", "0.1700", "+0.0200 ± 0.0100", "41.50", f"{minus}1.00 ± 0.50", "73.00", f"{minus}2.00 ± 1.00"],
        ["more", "87.00", "+2.00 ± 1.00", "0.1300", f"{minus}0.0200 ± 0.0100", "43.50", "+1.00 ± 0.50", "77.00", "+2.00 ± 1.00"],
    ]  # fmt: skip
    assert note.startswith("12 epochs, means of 2 seeds.")


def test_speed_of_an_own_network():
    sides = {"mnistcnn": 1_200, "keras_fit": 1_000, "keras_fit_tuned": 1_100}
    rates = {
        name: {"median": rate, "min": rate - 9, "max": rate + 9} for name, rate in sides.items()
    }
    part = {
        "batch_size": 128,
        "images_per_second": rates,
        "speedup_over": {"keras_fit": 1.2, "keras_fit_tuned": 1.09},
    }
    assert content_of(training.OwnNetwork, {"own_network": [part]}) == [
        ["", "images per second", "range", "speedup of mnistcnn"],
        ["batch size 128: mnistcnn.train", "1,200", "1,191 to 1,209", ""],
        ["batch size 128: Keras fit, oneDNN on", "1,000", "991 to 1,009", "1.20 ×"],
        ["batch size 128: Keras fit, oneDNN on, 50 steps per execution", "1,100", "1,091 to 1,109", "1.09 ×"],
    ]  # fmt: skip
    assert content_of(training.OwnNetwork, {}) == [
        "To be measured by python -m benchmarks.training.throughput."
    ]


def test_cost_is_a_sentence(report):
    (sentence,) = content_of(accuracy.Cost, report)
    assert sentence == (
        "Augmentation adds 25 % to the time of a step (median of 7 alternating measurements). The "
        "median throughput is 1,000 images per second with it and 1,250 without, on 2 cores."
    )


@pytest.mark.parametrize(
    ("name", "path", "what"),
    [
        ("Seeds", ("recipes", "robust", "test"), "recipes, robust, test"),
        ("HeldOut", ("plain", "held_out"), "plain, held_out"),
        ("HeldOut", ("recipes",), "recipes"),
        (
            "Ablation",
            ("ablation", "variants", "more", "held_out"),
            "ablation, variants, more, held_out",
        ),
        ("Ablation", ("ablation",), "ablation, variants"),
        ("Cost", ("cost", "images_per_second"), "cost, images_per_second"),
        ("Cost", ("cost",), "cost, images_per_second"),
    ],
)
def test_missing_results_are_an_error(name, path, what, report):
    *outer, last = path
    inside = functools.reduce(dict.__getitem__, outer, report)
    message = (
        f"error: accuracy.json has no results for {what}; "
        "measure them with: python -m benchmarks.accuracy.accuracy"
    )
    inside[last] = type(inside[last])()
    assert content_of(getattr(accuracy, name), report) == message
    del inside[last]
    assert content_of(getattr(accuracy, name), report) == message


def test_missing_seeds_are_an_error(report):
    command = "measure the rest with: python -m benchmarks.accuracy.accuracy"
    del report["recipes"]["robust"]["test"][1]
    assert content_of(accuracy.Seeds, report) == (
        "error: accuracy.json must have the same seeds for best and robust; "
        f"it has [0, 1] and [0]: {command}"
    )
    for part in report["ablation"]["variants"].values():
        del part["held_out"][1]
    assert content_of(accuracy.Ablation, report) == (
        "error: accuracy.json must have at least two seeds of each variant, for the standard error; "
        f"it has 1: {command}"
    )
