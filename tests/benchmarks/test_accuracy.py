"""The accuracy benchmark: what is measured, what is saved, and which variants the ablation has."""

import dataclasses
import json

import numpy as np
import pytest

import mnistcnn
from benchmarks import harness
from benchmarks.accuracy import ablation_variants, accuracy, held_out
from mnistcnn.recipes import FAST, Augmentation

BEST = dataclasses.replace(
    FAST, name="best", epochs=20, augmentation=Augmentation(rotation=8, elastic_alpha=0.5)
)
DISTILLED = dataclasses.replace(
    BEST, label_smoothing=0.0, teacher=dataclasses.replace(BEST, epochs=40)
)
ROBUST = dataclasses.replace(
    BEST,
    name="robust",
    augmentation=Augmentation(rotation=8, stroke_prob=0.3, degrade_prob=0.4, max_contrast_loss=0.8),
)
EPOCHS = ablation_variants.EPOCHS


@pytest.fixture(autouse=True)
def _use_test_recipes(monkeypatch, tmp_path):
    monkeypatch.setattr(accuracy, "BEST", BEST)
    monkeypatch.setattr(accuracy, "ROBUST", ROBUST)
    monkeypatch.setattr(harness, "OUT", tmp_path / "networks")


# Ablation


@pytest.mark.parametrize(
    ("best", "absent"),
    [
        (BEST, ["no degraded background", "no stroke-width augmentation", "one teacher", "label smoothing 0.1"]),
        (ROBUST, ["degraded background of robust", "stroke-width augmentation of 0.3 of the images", "no teacher"]),
        (DISTILLED, ["no degraded background", "no stroke-width augmentation", "label smoothing 0, no teacher"]),
        (dataclasses.replace(BEST, optimizer="muon", dropout=0.25), ["dropout 0.25"]),
    ],
)  # fmt: skip
def test_variants_differ_for_every_base_recipe(best, absent):
    variants = ablation_variants.ablation_variants(best, ROBUST)
    assert next(iter(variants)) == "unchanged"
    assert variants["unchanged"] == dataclasses.replace(best, epochs=EPOCHS)
    recipes = list(variants.values())
    assert all(recipe not in recipes[:index] for index, recipe in enumerate(recipes))
    for recipe in recipes:
        assert recipe.epochs == EPOCHS
        assert recipe.teacher in (None, best.teacher)
    assert not [name for name in absent if name in variants]


def test_variant_changes_what_its_name_says():
    variants = ablation_variants.ablation_variants(BEST, ROBUST)
    base = variants["unchanged"]

    def with_changes(**changes):
        return dataclasses.replace(base, **changes)

    def augmented(**changes):
        return with_changes(augmentation=dataclasses.replace(base.augmentation, **changes))

    assert variants == {
        "unchanged": base,
        "no augmentation": with_changes(augmentation=None),
        "no rotation, shear, scale, translation": augmented(rotation=0),
        "no elastic distortion": augmented(elastic_alpha=0),
        "degraded background of robust": augmented(degrade_prob=0.4, max_contrast_loss=0.8),
        "stroke-width augmentation of 0.3 of the images": augmented(stroke_prob=0.3),
        "twice the learning rate": with_changes(learning_rate=0.02),
        "half the learning rate": with_changes(learning_rate=0.005),
        "dropout 0.25": with_changes(dropout=0.25),
        "label smoothing 0": with_changes(label_smoothing=0.0),
    }


def test_variant_that_changes_the_labels_has_no_teacher():
    variants = ablation_variants.ablation_variants(DISTILLED, ROBUST)
    assert variants["no teacher"].teacher is None
    assert variants["no teacher"].label_smoothing == 0
    smoothed = variants["label smoothing 0.1, no teacher"]
    assert (smoothed.teacher, smoothed.label_smoothing) == (None, 0.1)


# Calibration


def test_fitted_temperature_undoes_a_scaling():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 10)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    fitted = held_out.fit_temperature(3 * logits, labels)
    assert fitted["temperature"] == pytest.approx(3, rel=0.05)
    assert fitted["calibrated_loss"] == pytest.approx(
        -np.log(probabilities[np.arange(4000), labels]).mean(), abs=1e-3
    )


# Measuring


@pytest.fixture
def measure(monkeypatch, network, tiny, tmp_path):
    """Run the benchmark with networks that need no training, and return the (name, seed) trained."""
    trained = []

    def train_model(recipe, x, y, *, seed):
        trained.append((recipe.name, seed))
        return network, 1.5

    def evaluator(model):
        return {"accuracy": 0.5, "corrupted": 0.25, "corruptions": {"blur": 0.25}}

    monkeypatch.setattr(accuracy, "train_model", train_model)
    monkeypatch.setattr(accuracy, "split_held_out", lambda data: (None, None, evaluator))
    monkeypatch.setattr(harness, "mnist_file", lambda smoke: None)
    monkeypatch.setattr(mnistcnn, "load_data", lambda source: tiny, raising=False)
    monkeypatch.setattr(
        mnistcnn, "train", lambda *a, callbacks, **b: callbacks[0]._seconds.extend([9, 1, 3])
    )

    def run(*arguments):
        trained.clear()
        accuracy.main([*arguments, "--output", str(tmp_path / "accuracy.json")])
        return list(trained)

    return run


@pytest.fixture
def saved(tmp_path):
    return lambda: json.loads((tmp_path / "accuracy.json").read_text())


def test_everything_is_measured_once(measure, saved, tmp_path):
    variants = ablation_variants.ablation_variants(BEST, ROBUST)
    count = 2 * 5 + 3 * 3 + 3 * len(variants)
    assert len(measure()) == count
    report = saved()
    assert list(report) == [
        "versions", "cores", "held_out_images", "plain", "recipes", "ablation", "cost"
    ]  # fmt: skip
    assert report["held_out_images"] == 10_000
    assert list(report["recipes"]) == ["best", "robust"]
    for name, recipe in (("best", BEST), ("robust", ROBUST)):
        part = report["recipes"][name]
        assert part["recipe"] == recipe.to_dict()
        assert [run["seed"] for run in part["test"]] == [0, 1, 2, 3, 4]
        assert [run["seed"] for run in part["held_out"]] == [0, 1, 2]
        assert part["test"][0]["correct"] == round(8 * part["test"][0]["accuracy"])
    assert report["plain"]["recipe"] == accuracy.PLAIN.to_dict()
    assert [run["seed"] for run in report["plain"]["held_out"]] == [0, 1, 2]
    assert list(report["ablation"]["variants"]) == list(variants)
    for name, part in report["ablation"]["variants"].items():
        assert part["recipe"] == variants[name].to_dict()
        assert [run["seed"] for run in part["held_out"]] == [0, 1, 2]
    assert report["cost"]["recipe"] == BEST.to_dict()
    assert report["cost"]["images_per_second"] == {
        "with_augmentation": 4, "without_augmentation": 4
    }  # fmt: skip
    assert report["cost"]["slowdown"] == 0
    networks = sorted(path.name for path in (tmp_path / "networks").iterdir())
    assert networks == sorted(f"{name}-{i}.keras" for name in ("best", "robust") for i in range(5))
    assert measure() == []
    assert saved() == report


def test_one_part_can_be_measured(measure, saved):
    assert measure("--only", "held_out", "--recipe", "robust") == [
        (name, seed) for seed in range(3) for name in ("plain", "robust")
    ]
    assert saved()["recipes"]["best"]["held_out"] == []
    assert measure("--only", "test", "held_out", "--recipe", "best") == [
        *(("best", seed) for seed in range(5)),
        *(("best", seed) for seed in range(3)),
    ]
    assert measure("--only", "ablation", "cost", "--recipe", "robust") == []
    assert "slowdown" not in saved()["cost"]
    assert measure("--only", "cost") == []
    assert "slowdown" in saved()["cost"]


def test_interruption_loses_no_result(measure, saved, monkeypatch):
    train_model = accuracy.train_model

    def interrupted(recipe, x, y, *, seed):
        if (recipe.name, seed) == ("robust", 1):
            raise KeyboardInterrupt
        return train_model(recipe, x, y, seed=seed)

    monkeypatch.setattr(accuracy, "train_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure("--only", "test")
    assert [len(part["test"]) for part in saved()["recipes"].values()] == [2, 1]
    monkeypatch.setattr(accuracy, "train_model", train_model)
    assert measure("--only", "test")[:2] == [("robust", 1), ("best", 2)]


def test_changed_recipe_drops_its_own_results_alone(measure, saved, monkeypatch):
    measure()
    before = saved()
    # A variant of `best` uses the degraded background of `robust` too.
    changed = dataclasses.replace(ROBUST.augmentation, degrade_prob=0.1)
    monkeypatch.setattr(accuracy, "ROBUST", dataclasses.replace(ROBUST, augmentation=changed))
    name = "degraded background of robust"
    assert set(measure("--only", "cost")) == set()
    assert measure("--only", "held_out", "ablation") == [
        *(("robust", seed) for seed in range(3)),
        *(("best", seed) for seed in range(3)),
    ]
    after = saved()
    assert after["recipes"]["robust"]["test"] == []
    assert after["recipes"]["best"] == before["recipes"]["best"]
    for part in ("plain", "cost"):
        assert after[part] == before[part]
    variants = after["ablation"]["variants"]
    assert variants.pop(name)["recipe"]["augmentation"]["degrade_prob"] == 0.1
    del before["ablation"]["variants"][name]
    assert variants == before["ablation"]["variants"]


def test_ablation_and_cost_belong_to_best(measure, saved, monkeypatch):
    measure()
    before = saved()
    changed = dataclasses.replace(BEST, beta_2=0.95)
    monkeypatch.setattr(accuracy, "BEST", changed)
    measure("--only", "held_out", "--recipe", "robust")
    after = saved()
    assert after["recipes"]["robust"] == before["recipes"]["robust"]
    trained = measure("--only", "test", "ablation")
    assert len(trained) == 5 + 3 * len(before["ablation"]["variants"])
    assert {name for name, _ in trained} == {"best"}
    measure("--only", "cost")
    assert saved()["cost"]["recipe"] == changed.to_dict()
