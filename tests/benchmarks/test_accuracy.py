"""The figures of the recipes: what is measured, what is kept, and what the docs show of it."""

import dataclasses
import functools
import importlib.util
import json
import pathlib
import sys

import pytest

import mnistcnn
from benchmarks.accuracy import accuracy
from mnistcnn.recipes import FAST, Augmentation

EXTENSIONS = pathlib.Path(__file__).parents[2] / "docs" / "_ext"
CLEAN = dataclasses.replace(
    FAST, name="best", epochs=20, augmentation=Augmentation(rotation=8, elastic_alpha=0.5)
)
TAUGHT = dataclasses.replace(
    CLEAN, label_smoothing=0.0, teacher=dataclasses.replace(CLEAN, epochs=40)
)
SOILED = dataclasses.replace(
    CLEAN,
    name="robust",
    augmentation=Augmentation(rotation=8, stroke_prob=0.3, degrade_prob=0.4, max_contrast_loss=0.8),
)


@pytest.fixture(autouse=True)
def recipes(monkeypatch, tmp_path):
    """Recipes of the tests' own, and files in the test's folder."""
    monkeypatch.setattr(accuracy, "BEST", CLEAN)
    monkeypatch.setattr(accuracy, "ROBUST", SOILED)
    monkeypatch.setattr(accuracy, "FILE", tmp_path / "accuracy.json")
    monkeypatch.setattr(accuracy, "OUT", tmp_path / "networks")


def written():
    return json.loads(accuracy.FILE.read_text())


# Levers


@pytest.mark.parametrize(
    ("best", "absent"),
    [
        (CLEAN, ["no soiled paper", "no changed strokes", "one teacher", "label smoothing 0.1"]),
        (SOILED, ["soiled paper as robust has it", "changed strokes, 0.3 of the images", "no teacher"]),
        (TAUGHT, ["no soiled paper", "no changed strokes", "label smoothing 0, no teacher"]),
        (dataclasses.replace(CLEAN, optimizer="muon", dropout=0.25), ["dropout 0.25"]),
    ],
)  # fmt: skip
def test_each_lever_is_another_recipe_whatever_the_base_is(best, absent, monkeypatch):
    monkeypatch.setattr(accuracy, "BEST", best)
    found = accuracy.levers()
    base = found["as it is"]
    assert next(iter(found)) == "as it is"
    assert base == dataclasses.replace(best, epochs=accuracy.LEVER_EPOCHS)
    recipes = list(found.values())
    assert all(recipe not in recipes[:place] for place, recipe in enumerate(recipes))
    for recipe in recipes:
        assert recipe.epochs == accuracy.LEVER_EPOCHS
        assert recipe.teacher in (None, best.teacher)
    assert not [name for name in absent if name in found]


def test_a_lever_changes_what_its_name_says():
    found = accuracy.levers()
    base = found["as it is"]

    def but(**changes):
        return dataclasses.replace(base, **changes)

    def moved(**changes):
        return but(augmentation=dataclasses.replace(base.augmentation, **changes))

    assert found == {
        "as it is": base,
        "no distortion at all": but(augmentation=None),
        "no rotation, shear, scale, shift": moved(rotation=0),
        "no elastic distortion": moved(elastic_alpha=0),
        "soiled paper as robust has it": moved(degrade_prob=0.4, max_contrast_loss=0.8),
        "changed strokes, 0.3 of the images": moved(stroke_prob=0.3),
        "twice the learning rate": but(learning_rate=0.02),
        "half the learning rate": but(learning_rate=0.005),
        "dropout 0.25": but(dropout=0.25),
        "label smoothing 0": but(label_smoothing=0.0),
    }


def test_what_changes_the_labels_goes_without_the_teacher(monkeypatch):
    monkeypatch.setattr(accuracy, "BEST", TAUGHT)
    found = accuracy.levers()
    assert found["no teacher"].teacher is None
    assert found["no teacher"].label_smoothing == 0
    smooth = found["label smoothing 0.1, no teacher"]
    assert (smooth.teacher, smooth.label_smoothing) == (None, 0.1)


# Measuring


@pytest.fixture
def measure(monkeypatch, network, tiny):
    """Run the program with networks that need no training; tell what it would have trained."""
    seen = []

    def trained(recipe, x, y, *, seed):
        seen.append((recipe.name, seed))
        return network, 1.5

    def judge(model):
        return {"accuracy": 0.5, "corrupted": 0.25, "corruptions": {"blur": 0.25}}

    monkeypatch.setattr(accuracy, "trained", trained)
    monkeypatch.setattr(accuracy, "parts", lambda data: (None, None, judge))
    monkeypatch.setattr(accuracy, "find_data", lambda: None)
    monkeypatch.setattr(mnistcnn, "load_data", lambda source: tiny, raising=False)
    monkeypatch.setattr(
        mnistcnn, "train", lambda *a, callbacks, **b: callbacks[0].ends.extend([1, 2, 4])
    )

    def run(*words):
        seen.clear()
        monkeypatch.setattr("sys.argv", ["accuracy.py", *words])
        accuracy.main()
        return list(seen)

    return run


def test_everything_is_measured_once(measure, tmp_path):
    levers = accuracy.levers()
    count = 2 * 5 + 3 * 3 + 3 * len(levers)
    assert len(measure()) == count
    report = written()
    assert list(report) == [
        "versions", "cores", "held_out_images", "plain", "sets", "levers", "cost"
    ]  # fmt: skip
    assert report["held_out_images"] == 10_000
    assert list(report["sets"]) == ["best", "robust"]
    for name, recipe in (("best", CLEAN), ("robust", SOILED)):
        part = report["sets"][name]
        assert part["recipe"] == recipe.to_dict()
        assert [row["seed"] for row in part["test"]] == [0, 1, 2, 3, 4]
        assert [row["seed"] for row in part["held_out"]] == [0, 1, 2]
        assert part["test"][0]["right"] == round(8 * part["test"][0]["accuracy"])
    assert report["plain"]["recipe"] == accuracy.PLAIN.to_dict()
    assert [row["seed"] for row in report["plain"]["held_out"]] == [0, 1, 2]
    assert list(report["levers"]["changes"]) == list(levers)
    for name, part in report["levers"]["changes"].items():
        assert part["recipe"] == levers[name].to_dict()
        assert [row["seed"] for row in part["held_out"]] == [0, 1, 2]
    assert report["cost"]["recipe"] == CLEAN.to_dict()
    assert report["cost"]["images_per_second"].keys() == {"with", "without"}
    networks = sorted(path.name for path in (tmp_path / "networks").iterdir())
    assert networks == sorted(f"{name}-{i}.keras" for name in ("best", "robust") for i in range(5))
    before = accuracy.FILE.read_bytes()
    assert measure() == []
    assert accuracy.FILE.read_bytes() == before


def test_a_part_can_be_asked_for(measure):
    assert measure("--only", "held_out", "--recipe", "robust") == [
        (name, seed) for seed in range(3) for name in ("plain", "robust")
    ]
    assert written()["sets"]["best"]["held_out"] == []
    assert measure("--only", "test", "held_out", "--recipe", "best") == [
        *(("best", seed) for seed in range(5)),
        *(("best", seed) for seed in range(3)),
    ]
    assert measure("--only", "levers", "cost", "--recipe", "robust") == []
    assert "added" not in written()["cost"]
    assert measure("--only", "cost") == []
    assert "added" in written()["cost"]


def test_a_stop_loses_nothing_that_was_measured(measure, monkeypatch):
    def stop(recipe, x, y, *, seed):
        if (recipe.name, seed) == ("robust", 1):
            raise KeyboardInterrupt
        return given(recipe, x, y, seed=seed)

    given = accuracy.trained
    monkeypatch.setattr(accuracy, "trained", stop)
    with pytest.raises(KeyboardInterrupt):
        measure("--only", "test")
    assert [len(part["test"]) for part in written()["sets"].values()] == [2, 1]
    monkeypatch.setattr(accuracy, "trained", given)
    assert measure("--only", "test")[:2] == [("robust", 1), ("best", 2)]


def test_a_changed_recipe_drops_its_own_figures_alone(measure, monkeypatch):
    measure()
    before = written()
    # Its soil stands in one of the levers of best too.
    other = dataclasses.replace(SOILED.augmentation, degrade_prob=0.1)
    monkeypatch.setattr(accuracy, "ROBUST", dataclasses.replace(SOILED, augmentation=other))
    content = accuracy.Report().content
    assert content["sets"]["robust"]["test"] == content["sets"]["robust"]["held_out"] == []
    assert content["sets"]["best"] == before["sets"]["best"]
    for part in ("plain", "cost"):
        assert content[part] == before[part]
    changes = content["levers"]["changes"]
    assert changes.pop("soiled paper as robust has it")["held_out"] == []
    del before["levers"]["changes"]["soiled paper as robust has it"]
    assert changes == before["levers"]["changes"]


def test_the_levers_and_the_cost_are_those_of_best(measure, monkeypatch):
    measure()
    before = written()
    other = dataclasses.replace(CLEAN, beta_2=0.95)
    monkeypatch.setattr(accuracy, "BEST", other)
    content = accuracy.Report().content
    assert content["sets"]["robust"] == before["sets"]["robust"]
    assert content["sets"]["best"] == {"recipe": other.to_dict(), "test": [], "held_out": []}
    assert content["cost"] == {"recipe": other.to_dict()}
    assert not [part for part in content["levers"]["changes"].values() if part["held_out"]]


# What the docs show


@pytest.fixture
def shown(monkeypatch):
    """Tell what a directive shows of a report, as texts and rows of them, or why it refuses."""
    pytest.importorskip("sphinx", reason="comes with the docs' tools")
    from docutils import nodes
    from docutils.parsers.rst import DirectiveError

    monkeypatch.syspath_prepend(str(EXTENSIONS))
    monkeypatch.delitem(sys.modules, "tables", raising=False)  # PyTables has this name too
    path = EXTENSIONS / "accuracy.py"
    specification = importlib.util.spec_from_file_location("shown_accuracy", path)
    extension = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(extension)

    def text(node):
        return node.astext().replace("\N{NO-BREAK SPACE}", " ")

    def of(name, report):
        try:
            found = object.__new__(getattr(extension, name)).content_of(report)
        except DirectiveError as error:
            return f"refused: {error.msg}"
        shown = []
        for node in found:
            rows = [list(map(text, row.children)) for row in node.findall(nodes.row)]
            shown += rows or [text(node)]
        return shown

    return of


def runs(*shares, **more):
    return [
        {
            "seed": seed,
            "accuracy": share,
            "right": round(10_000 * share),
            "seconds": 100 * (seed + 1),
            "calibrated_loss": 1 - share,
            "corrupted": share / 2,
            "other_hands": share - 0.1,
            "corruptions": {"blur": share / 2, "lines": share / 4},
            **more,
        }
        for seed, share in enumerate(shares)
    ]


@pytest.fixture
def report():
    return {
        "cores": 2,
        "plain": {"held_out": runs(0.8, 0.8)},
        "sets": {
            "best": {"test": runs(0.99, 0.98), "held_out": runs(0.96, 0.94)},
            "robust": {"test": runs(0.9, 0.9), "held_out": runs(0.88, 0.88, corrupted=0.75)},
        },
        "levers": {
            "epochs": 12,
            "changes": {
                "as it is": {"held_out": runs(0.9, 0.8)},
                "no bias": {"held_out": runs(0.89, 0.77)},
                "more": {"held_out": runs(0.91, 0.83)},
            },
        },
        "cost": {"images_per_second": {"with": 1_000, "without": 1_250}, "turns": 7, "added": 0.25},
    }


def test_the_seeds_of_both_are_shown(shown, report):
    report["sets"]["robust"]["test"].reverse()  # in the order in which they were measured
    assert shown("Seeds", report) == [
        ["seed", "best", "right of 10,000", "seconds", "robust", "right of 10,000", "seconds"],
        ["0", "99.00 %", "9,900", "100", "90.00 %", "9,000", "100"],
        ["1", "98.00 %", "9,800", "200", "90.00 %", "9,000", "200"],
        ["mean", "98.50 % ± 0.71", "", "150", "90.00 % ± 0.00", "", "150"],
    ]


def test_the_held_out_figures_are_shown_beside_plain_training(shown, report):
    plain = "the document's training"
    assert shown("HeldOut", report) == [
        ["", "clean", "each seed, %", "loss", "corrupted", "each seed, %", "other hands"],
        [plain, "80.00 %", "80.00, 80.00", "0.2000", "40.00 %", "40.00, 40.00", "70.00 %"],
        ["best", "95.00 %", "96.00, 94.00", "0.0500", "47.50 %", "48.00, 47.00", "85.00 %"],
        ["robust", "88.00 %", "88.00, 88.00", "0.1200", "75.00 %", "75.00, 75.00", "78.00 %"],
        ["corruption", plain, "best", "robust"],
        ["blur", "40.00 %", "47.50 %", "44.00 %"],
        ["lines", "20.00 %", "23.75 %", "22.00 %"],
    ]


def test_the_levers_are_shown_with_their_difference_and_its_spread(shown, report):
    *rows, note = shown("Levers", report)
    minus = "\N{MINUS SIGN}"
    assert rows == [
        ["", "clean, %", "change", "loss", "change", "corrupted, %", "change", "other hands, %", "change"],
        ["as it is", "85.00", "", "0.1500", "", "42.50", "", "75.00", ""],
        ["no bias", "83.00", f"{minus}2.00 ± 1.00", "0.1700", "+0.0200 ± 0.0100", "41.50", f"{minus}1.00 ± 0.50", "73.00", f"{minus}2.00 ± 1.00"],
        ["more", "87.00", "+2.00 ± 1.00", "0.1300", f"{minus}0.0200 ± 0.0100", "43.50", "+1.00 ± 0.50", "77.00", "+2.00 ± 1.00"],
    ]  # fmt: skip
    assert note.startswith("12 epochs, means of 2 seeds.")


def test_the_cost_is_a_sentence(shown, report):
    (sentence,) = shown("Cost", report)
    assert sentence == (
        "They add 25 % to the time of a step, as the median of 7 ratios turn by turn; the median "
        "rates are 1,000 images a second with them and 1,250 without, on 2 cores."
    )


@pytest.mark.parametrize(
    ("name", "path", "what"),
    [
        ("Seeds", ("sets", "robust", "test"), "sets, robust, test"),
        ("HeldOut", ("plain", "held_out"), "plain, held_out"),
        ("HeldOut", ("sets",), "sets"),
        ("Levers", ("levers", "changes", "more", "held_out"), "levers, changes, more, held_out"),
        ("Levers", ("levers",), "levers, changes"),
        ("Cost", ("cost", "images_per_second"), "cost, images_per_second"),
        ("Cost", ("cost",), "cost, images_per_second"),
    ],
)
def test_what_was_not_measured_fails_the_build(name, path, what, shown, report):
    *outer, last = path
    inside = functools.reduce(dict.__getitem__, outer, report)
    message = (
        f"refused: accuracy.json has no figures of {what}; "
        "measure them with: python -m benchmarks.accuracy.accuracy"
    )
    inside[last] = type(inside[last])()
    assert shown(name, report) == message
    del inside[last]
    assert shown(name, report) == message


def test_seeds_that_are_still_missing_fail_the_build(shown, report):
    command = "measure the rest with: python -m benchmarks.accuracy.accuracy"
    del report["sets"]["robust"]["test"][1]
    assert shown("Seeds", report) == (
        "refused: accuracy.json must have the same seeds of best and robust; "
        f"it has [0, 1] and [0]: {command}"
    )
    for part in report["levers"]["changes"].values():
        del part["held_out"][1]
    assert shown("Levers", report) == (
        "refused: accuracy.json must have two seeds of each lever or more, for the spread; "
        f"it has 1: {command}"
    )
