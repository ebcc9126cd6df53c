"""mnistcnn train --recipe finetune and --from."""

import json
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli.main import main

ARGUMENTS = ["train", "--recipe", "finetune", "--data", "digits", "--seed", "0", "--epochs", "2"]


def test_the_pretrained_network_is_fine_tuned(digits, capsys):
    assert main([*ARGUMENTS, "--output", "run"]) == 0
    assert "Epochs:" not in capsys.readouterr().out
    report = json.loads(Path("run/result.json").read_text())
    assert (report["from"], report["model"]) == ("best", "model.keras")
    assert report["recipe"]["freeze_convolutions"] is True
    model = mnistcnn.load_pretrained()
    x, y = mnistcnn.preprocess(*digits.train)
    mnistcnn.train(model, x, y, recipe="finetune", epochs=2, seed=0, verbose=0)
    saved = mnistcnn.load_model("run/model.keras")
    for a, b in zip(saved.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_any_recipe_may_start_from_a_model(model_file, network, tiny, write_npz):
    arguments = ["train", "--recipe", "fast", "--from", model_file, "--data", str(write_npz(tiny))]
    settings = ["--set", "learning_rate=1e-9", "--set", "freeze_convolutions=true"]
    assert main([*arguments, *settings, "--output", "run"]) == 0
    saved = mnistcnn.load_model("run/model.keras").get_weights()
    for a, b in zip(saved[:4], network.get_weights(), strict=False):
        assert np.array_equal(a, b)
    assert np.allclose(saved[4], network.get_weights()[4], atol=1e-6)
    # The model to start from is not replaced.
    again = [*arguments[:4], "run/model.keras", *arguments[5:], "--output", "run", "--overwrite"]
    before = Path("run/model.keras").read_bytes()
    assert main(again) == 1
    assert Path("run/model.keras").read_bytes() == before


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("bset", "--from must be an existing file or one of 'best', 'robust'; received 'bset'; did you mean 'best'?"),
        ("letters.keras", "--from must have the 10 classes of the dataset, "),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit(start, message, capsys):
    mnistcnn.build_model(class_names=list("ABC"), seed=0).save("letters.keras")
    assert main([*ARGUMENTS, "--from", start]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: {message}")
    assert not Path("mnistcnn-run").exists()
