"""mnistcnn evaluate."""

import io
import json
import re
import sys

import numpy as np
import pytest
from rich.console import Console

import mnistcnn
from mnistcnn.cli.evaluate import print_evaluation
from mnistcnn.cli.main import main
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import PRETRAINED
from tests.helpers.evaluations import make_evaluation


def test_terminal_gets_a_table_and_file_plain_text():
    result = make_evaluation(np.diag([3] * 10))
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=90, highlight=False)
        print_evaluation(result, console)
        printed = console.file.getvalue()
        assert ("┃" in printed) is terminal
        assert (printed == f"{result}\n") is not terminal


def test_json_is_the_only_standard_output(network, tmp_path, capsys):
    save_model(network, "a.weights.h5")
    arguments = ["evaluate", "a.weights.h5", "--data", "digits", "--json", "--output", "out"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["test"]["num_images"] == 355
    assert report["model"] == "a.weights.h5"
    assert "Data: digits" in captured.err
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == report
    assert (tmp_path / "out" / "confusion_matrix.png").exists()


def test_saved_evaluation_is_compact_and_can_be_compared(
    model_file, network_evaluation, tmp_path, capsys
):
    assert main(["evaluate", model_file, "--data", "digits", "--output", "out"]) == 0
    text = (tmp_path / "out/evaluation.json").read_text()
    assert mnistcnn.Evaluation.from_dict(json.loads(text)["test"]) == network_evaluation
    assert max(map(len, text.splitlines())) > 100  # a row of probabilities is one line
    assert re.search(r'"indices": \[\d+, \d+, ', text)
    assert main(["compare", "out", "out/evaluation.json", "--json"]) == 0


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_weights(name, xy, capsys):
    assert main(["evaluate", name, "--data", "digits", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == name
    assert report["test"] == mnistcnn.evaluate(mnistcnn.load_pretrained(name), *xy).to_dict()


def test_help_names_the_pretrained_weights(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"a model file, or the name of pretrained weights: {', '.join(PRETRAINED)}" in text


def test_name_of_pretrained_weights_takes_precedence_over_a_file(tmp_path, capsys):
    """A file with that name is reached by a path."""
    (tmp_path / "best").write_text("mine")
    assert main(["evaluate", "best", "--data", "digits"]) == 0
    assert main(["evaluate", "./best", "--data", "digits"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("mnistcnn: MODEL must end in .keras or ")
    assert printed.endswith("; received './best'\n")


def test_models_are_evaluated_without_keras(model_file, network_evaluation, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert main(["evaluate", model_file, "--data", "digits", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["test"]["accuracy"] == network_evaluation.accuracy
    assert main(["compare", model_file, "best", "--data", "digits"]) == 0
