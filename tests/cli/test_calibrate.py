"""mnistcnn calibrate."""

import json
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli.main import main

ARGUMENTS = ["calibrate", "best", "out/calibrated.keras", "--data", "digits"]


def test_the_calibrated_model_is_that_of_the_function(digits, xy, capsys):
    assert main([*ARGUMENTS, "--validation-split", "0.25", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    model = mnistcnn.load_pretrained()
    before = mnistcnn.evaluate(model, *xy)
    first = int(len(digits.train.images) * 0.75)
    expected = mnistcnn.calibrate(model, *mnistcnn.preprocess(*(a[first:] for a in digits.train)))
    saved = mnistcnn.load_model(report["path"])
    for array, reference in zip(saved.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(array, reference)
    assert report["temperature"] == expected.temperature
    assert report["held_out"]["after"] == expected.after.to_dict()
    assert report["test"]["before"] == before.to_dict()
    assert report["test"]["after"] == mnistcnn.evaluate(saved, *xy).to_dict()
    lines = captured.err.splitlines()
    assert lines[0].startswith("Data: digits, ")
    assert lines[1] == f"Held-out images: {expected}"
    assert lines[2].startswith(
        f"Test images: calibration error {before.expected_calibration_error:.2%} → "
    )
    assert lines[3] == "The calibrated model is in out/calibrated.keras."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--validation-split", "1"], "--validation-split must lie in [0, 1); received 1.0"),
        (
            ["--validation-split", "0"],
            "--validation-split must leave at least one image to calibrate on; received 0.0 of 1,442",
        ),
    ],
)
def test_invalid_fractions(arguments, message, capsys):
    assert main([*ARGUMENTS, *arguments]) == 1
    assert capsys.readouterr().err == f"mnistcnn: {message}\n"
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("model", "path", "message"),
    [
        ("absent.keras", "b.keras", "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
        ("a.keras", "b.onnx", "PATH must end in .keras or .h5; received 'b.onnx'"),
        ("a.keras", "a.keras", "an output must not replace an input; the output a.keras is the input a.keras"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("model_file")
def test_invalid_files(model, path, message, capsys):
    before = Path("a.keras").read_bytes()
    assert main(["calibrate", model, path, "--data", "digits"]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: {message}")
    assert Path("a.keras").read_bytes() == before
    assert [each.name for each in Path().iterdir()] == ["a.keras"]
