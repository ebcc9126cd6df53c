"""mnistcnn compare, and the saved evaluations that it reads."""

import json

import pytest

import mnistcnn
from mnistcnn.cli.main import main
from tests.helpers.evaluations import make_evaluation


def test_models_are_evaluated_on_the_same_images(model_file, network_evaluation, xy, capsys):
    assert main(["compare", model_file, "best", "--data", "digits"]) == 0
    a, b = network_evaluation, mnistcnn.evaluate(mnistcnn.load_pretrained(), *xy)
    data, first, second, *result = capsys.readouterr().out.splitlines()
    assert data.startswith("Data: digits, ")
    low, high = a.accuracy_ci
    assert first == f"a: a.keras, accuracy {a.accuracy:.2%} (95 % CI {low:.2%} to {high:.2%})"
    assert second.startswith(f"b: best, accuracy {b.accuracy:.2%} ")
    assert result == str(mnistcnn.compare(a, b)).splitlines()


def test_saved_evaluations_are_compared_without_data(save_result, capsys):
    a, b = make_evaluation([[5, 1], [0, 6]]), make_evaluation([[6, 0], [0, 6]])
    save_result("first/result.json", a)
    save_result("second/evaluation.json", b)
    assert main(["compare", "first", "second/evaluation.json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["a"], report["b"]) == ("first", "second/evaluation.json")
    assert report.items() >= json.loads(json.dumps(mnistcnn.compare(a, b).to_dict())).items()
    assert report["p_value"] == 1.0
    assert report["accuracy"] == {"a": 11 / 12, "b": 1.0}
    assert "data" not in report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "a.json must be JSON; received text that is not UTF-8 (byte 0xff at 0)"),
        (b"{", "a.json must be JSON; received Expecting property name"),
        (b"[" * 100_000, "a.json must nest at most 16 levels; it nests more"),
        (b"[]", "a.json must hold a JSON object; received another value"),
        (b"{}", "a.json: test: values must be a dictionary; received None"),
        (b'{"test": {"loss": 1}}', "a.json: test: an evaluation must hold the keys num_images, "),
    ],
    ids=["encoding", "syntax", "depth", "list", "empty", "keys"],
)
def test_damaged_evaluation_prints_one_line_and_exits_with_1(content, message, tmp_path, capsys):
    (tmp_path / "a.json").write_bytes(content)
    assert main(["compare", "a.json", "a.json"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"mnistcnn: {message}")
    assert printed.count("\n") == 1


def test_evaluations_of_different_images_are_rejected(save_result, capsys):
    save_result("a.json", make_evaluation([[5, 1], [0, 6]]))
    save_result("b.json", make_evaluation([[5, 1], [0, 7]]))
    assert main(["compare", "a.json", "b.json"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("mnistcnn: a and b must be ")
    assert "received 12 and 13" in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("absent.json", "absent.json must be an existing file; it is absent"),
        ("empty", "empty/result.json must be an existing file; it is absent"),
        ("absent.keras", "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
    ],
)  # fmt: skip
def test_absent_files_are_rejected(source, message, save_result, tmp_path, capsys):
    save_result("a.json")
    (tmp_path / "empty").mkdir()
    assert main(["compare", "a.json", source]) == 1
    assert capsys.readouterr().err == f"mnistcnn: {message}\n"
