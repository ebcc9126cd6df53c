"""The tool that trains and evaluates the pretrained weights, on digits in place of MNIST."""

import dataclasses
import json

import numpy as np
import pytest
from matplotlib import pyplot as plt

import mnistcnn
from mnistcnn.recipes import FAST
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import PRETRAINED, read_pretrained
from tools.pretrained import metrics, train_weights


@pytest.fixture(scope="module")
def networks(network, tmp_path_factory):
    """Folders of untrained networks; `others` differs from `given` in `best`."""
    folder = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate(["given", "others"]):
        (folder / name).mkdir()
        save_model(mnistcnn.build_model(seed=seed), folder / name / "best-0.keras")
        save_model(mnistcnn.build_model(seed=2), folder / name / "robust-0.keras")
    save_model(network, folder / "given" / "plain.keras")
    return folder


def predict_without_tracing(model, images):
    return np.asarray(model(mnistcnn.preprocess(images), training=False))


@pytest.fixture
def run_tool(monkeypatch, write_npz, digits, networks, tmp_path):
    """Run the tool with one corruption and few images."""
    monkeypatch.setattr(metrics, "CORRUPTIONS", {"contrast": metrics.CORRUPTIONS["contrast"]})
    for module in (metrics, train_weights):
        monkeypatch.setattr(module, "predict_proba", predict_without_tracing)
    monkeypatch.setattr(train_weights, "OUT", tmp_path / "trained")
    # Untrained networks misclassify most images, and each of those is drawn.
    few = mnistcnn.Dataset(digits.train, mnistcnn.Split(*(a[:16] for a in digits.test)))
    path = write_npz(few)
    monkeypatch.setattr(train_weights, "mnist_file", lambda smoke: path)
    accuracy = {
        "versions": {"keras": "3.99"},
        "held_out_images": 10_000,
        "recipes": {
            name: {
                "recipe": FAST.to_dict(),
                "test": [{"seed": seed, "correct": first + seed} for seed in range(5)],
                "held_out": [{"seed": s, "temperature": low + s / 10} for s in range(3)],
            }
            for name, first, low in (("best", 40, 1.1), ("robust", 20, 2.1))
        },
    }
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))
    for name in ("given", "others"):
        (tmp_path / name).symlink_to(networks / name)

    def run(*arguments):
        train_weights.main(["--accuracy", "accuracy.json", "--output", "out", *arguments])
        return tmp_path / "out"

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tool_writes_weights_card_and_figures(run_tool, network, capsys):
    folder = run_tool("--smoke", "--from", "given", "--again", "given")
    assert sorted(contents(folder)) == [
        "MODEL_CARD.md", "best.json", "best.safetensors",
        "calibration-best.png", "calibration-robust.png",
        "misclassified-best.png", "misclassified-robust.png",
        "robust.json", "robust.safetensors", "robustness.png",
    ]  # fmt: skip
    best, robust = (read_pretrained(folder, name) for name in PRETRAINED)
    assert all(map(np.array_equal, best.arrays.values(), network.get_weights()))
    assert not np.array_equal(robust.arrays["conv1.kernel"], best.arrays["conv1.kernel"])
    assert (best.manifest.temperature, robust.manifest.temperature) == (1.2, 2.2)
    for manifest, first in ((best.manifest, 40), (robust.manifest, 20)):
        stored = manifest.metrics
        assert manifest.versions["keras"] == "3.99"
        assert manifest.data["images"] == 1_442
        assert stored["test"]["images"] == 16
        assert stored["seeds"][1] == [1, first + 1]
        assert stored["sklearn_digits"]["images"] == 1_797
        assert stored["repeated_training"] == {
            "identical": True, "max_difference": 0.0, "changed_predictions": 0
        }  # fmt: skip
        assert stored["cost"]["file_bytes"] == (folder / manifest.file).stat().st_size
    # The network with baseline training is equal to `best` here.
    plain = best.manifest.metrics["plain"]
    assert plain == robust.manifest.metrics["plain"]
    assert plain["accuracy"] == best.manifest.metrics["test_accuracy"]
    assert plain["robustness"] == best.manifest.metrics["robustness"]
    printed = capsys.readouterr().out
    correct = robust.manifest.metrics["test"]["correct"]
    assert f"robust: {correct} test images classified correctly\n" in printed
    written = contents(folder)

    for path in folder.glob("*.png"):
        path.unlink()
    (folder / "MODEL_CARD.md").write_text("old")
    run_tool("--redraw")
    assert contents(folder) == written

    capsys.readouterr()
    run_tool("--smoke", "--compare", "--again", "others")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("best: not identical: weights differ by at most 0.")
    assert second == "robust: bit-identical."
    assert contents(folder) == written
    assert plt.get_fignums() == []


def test_only_one_set_is_replaced(run_tool, monkeypatch):
    monkeypatch.setattr(train_weights, "card_figures", lambda *_: {})
    folder = run_tool("--smoke", "--from", "given")
    before = contents(folder)
    # This folder has no network with baseline training; the other set has its metrics.
    run_tool("--smoke", "--from", "others", "--only", "best")
    after = contents(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"MODEL_CARD.md", "best.json", "best.safetensors"}
    best, robust = (read_pretrained(folder, name).manifest.metrics for name in PRETRAINED)
    assert best["plain"] == robust["plain"]


def test_tool_trains_and_saves_networks(run_tool, monkeypatch, tmp_path):
    trained = []

    def train(model, x, y, *, recipe, seed, **options):
        trained.append((recipe.name, seed, len(x)))

    monkeypatch.setattr(mnistcnn, "train", train)
    monkeypatch.setattr(train_weights, "_TOLERATED_CHANGES", 1_000)
    monkeypatch.setattr(train_weights, "card_figures", lambda *_: {})
    monkeypatch.setattr(
        train_weights.recipes, "get", lambda name: dataclasses.replace(FAST, name=name)
    )
    accuracy = json.loads((tmp_path / "accuracy.json").read_text())
    for name, part in accuracy["recipes"].items():
        part["recipe"]["name"] = name
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))
    run_tool()
    assert trained == [("best", 0, 1_442), ("robust", 0, 1_442), ("plain", 0, 1_442)]
    assert sorted(contents(tmp_path / "trained")) == [
        "best-0.keras", "plain.keras", "robust-0.keras"
    ]  # fmt: skip
    run_tool("--from", "trained")
    assert len(trained) == 3


def test_tool_rejects_other_networks_and_recipes(run_tool, monkeypatch):
    monkeypatch.setattr(train_weights.recipes, "get", lambda name: FAST)
    monkeypatch.setattr(train_weights, "_TOLERATED_CHANGES", -1)
    with pytest.raises(
        SystemExit, match="^best must classify 40 test images correctly, as seed 0 in accuracy.json"
    ):
        run_tool("--from", "given")
    monkeypatch.setattr(train_weights.recipes, "get", lambda name: train_weights.PLAIN)
    with pytest.raises(
        SystemExit, match="^accuracy.json must have results of the current recipe 'best'; received"
    ):
        run_tool("--from", "given")


def test_tool_names_what_is_missing(run_tool, capsys, tmp_path):
    with pytest.raises(
        SystemExit,
        match="^none.json does not exist; create it with: python -m benchmarks.accuracy.accuracy$",
    ):
        run_tool("--smoke", "--accuracy", "none.json")
    with pytest.raises(
        SystemExit, match="^out/robust.json does not exist; create both sets with: make weights$"
    ):
        run_tool("--smoke", "--from", "given", "--only", "best")
    with pytest.raises(
        SystemExit, match="^out/best.json does not exist; create both sets with: make weights$"
    ):
        run_tool("--redraw")
    accuracy = json.loads((tmp_path / "accuracy.json").read_text())
    accuracy["recipes"]["robust"]["test"] = []
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))
    with pytest.raises(
        SystemExit,
        match="^accuracy.json lacks results of 'robust'; measure them with: "
        "python -m benchmarks.accuracy.accuracy --only test held_out --recipe robust$",
    ):
        run_tool("--smoke", "--from", "given")
    with pytest.raises(SystemExit):
        train_weights.main(["--smoke"])
    assert "--smoke must have an --output; received none" in capsys.readouterr().err


@pytest.mark.release
def test_smoke_run_trains_and_writes_everything(tmp_path):
    train_weights.main(["--smoke", "--output", str(tmp_path / "out")])
    for name in PRETRAINED:
        manifest = read_pretrained(tmp_path / "out", name).manifest
        assert manifest.recipe["name"] == "fast"
        assert set(manifest.metrics["robustness"]["accuracy"]) == set(metrics.CORRUPTIONS)
    assert "# Model card" in (tmp_path / "out" / "MODEL_CARD.md").read_text()
