"""mnistcnn train."""

import json

import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli import train
from mnistcnn.cli.arguments import RECIPES
from mnistcnn.cli.main import main


def test_recipes_match_the_package():
    assert set(RECIPES) == set(mnistcnn.recipes.RECIPES)


def test_model_history_and_evaluation_are_saved(tmp_path, digits, write_npz, capsys):
    data = str(write_npz(digits))
    assert main(["train", "--data", data, "--seed", "0", "--epochs", "2", "--output", "run"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == (
        f"Data: {data}, 1,442 training and 355 test images (as requested)."
    )
    assert "Trained 2 epochs in" in captured.out
    assert "run/bestmodel.keras, reloaded, on the test images:" in captured.out
    run = tmp_path / "run"
    assert sorted(path.name for path in run.iterdir()) == [
        "bestmodel.keras", "checkpoint", "confusion_matrix.png", "history.png", "result.json"
    ]  # fmt: skip
    report = json.loads((run / "result.json").read_text())
    assert report["seed"] == 0
    assert report["recipe"]["epochs"] == 2
    assert report["recipe"]["batch_size"] == 32
    assert report["data"]["train"] == 1442
    assert len(report["history"]["val_accuracy"]) == 2
    expected = mnistcnn.evaluate(run / "bestmodel.keras", *mnistcnn.preprocess(*digits.test))
    assert report["test"] == expected.to_dict()
    assert str(expected) in captured.out
    for name in ("history.png", "confusion_matrix.png"):
        with Image.open(run / name) as image:
            assert min(image.size) > 400


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ("baseline", "Epochs: up to 1 with early stopping instead of 5, because the dataset is small.\n"),
        ("documented", "Epochs: up to 1 with early stopping instead of 5, because the dataset is small.\n"),
        ("fast", "Epochs: 1 instead of 1, because the dataset is small.\n"),
    ],
)  # fmt: skip
def test_epochs_on_digits(recipe, line, capsys, monkeypatch):
    """The name documented is an alias of baseline."""
    trained = []

    def fit(model, split, recipe, **arguments):
        trained.append(recipe)
        raise ValueError("stop here")

    monkeypatch.setattr(train, "DIGITS_EPOCHS", 1)
    monkeypatch.setattr(train, "_fit", fit)
    assert main(["train", "--data", "digits", "--recipe", recipe]) == 1
    assert line in capsys.readouterr().out
    assert trained[0].name == recipe.replace("documented", "baseline")
    assert trained[0].epochs == 1


def test_recipe_without_monitor_saves_the_last_step(tmp_path, tiny, write_npz, capsys):
    assert main(["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--seed", "1"]) == 0
    assert "Trained 1 epoch in" in capsys.readouterr().out
    run = tmp_path / "mnistcnn-run"
    report = json.loads((run / "result.json").read_text())
    assert report["model"] == "model.keras"
    assert report["recipe"]["name"] == "fast"
    result = mnistcnn.evaluate(run / "model.keras", *mnistcnn.preprocess(*tiny.test))
    assert result.to_dict() == report["test"]


def test_progress_goes_to_standard_error_with_json(tiny, write_npz, capsys):
    arguments = ["--data", str(write_npz(tiny)), "--recipe", "fast", "--epochs", "1", "--json"]
    assert main(["train", *arguments]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["data"]["train"] == 8
    assert "1/1" in captured.err
    assert "loss" in captured.err


def test_output_must_be_writable(capsys, monkeypatch):
    monkeypatch.setattr("mnistcnn.cli.training_output.os.access", lambda path, mode: False)
    assert main(["train", "--data", "digits", "--output", "closed"]) == 1
    expected = "mnistcnn: --output must be a writable folder; received 'closed'\n"
    assert capsys.readouterr().err == expected


def test_output_must_not_be_a_file(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert main(["train", "--data", "digits", "--output", "taken"]) == 1
    expected = "mnistcnn: --output must be a folder; received the file 'taken'\n"
    assert capsys.readouterr().err == expected
    assert main(["train", "--data", "digits", "--output", "taken/run"]) == 1
    assert capsys.readouterr().err.startswith("mnistcnn: ")
    assert (tmp_path / "taken").read_text() == "mine"
