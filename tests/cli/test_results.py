"""``mnistcnn evaluate``, ``compare`` and ``plot``: what they print, write and refuse."""

import argparse
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from rich.console import Console

import mnistcnn
from mnistcnn.cli import common, plot
from mnistcnn.cli.evaluate import show
from mnistcnn.cli.main import main
from mnistcnn.weights.keras_file import save_model
from tests.helpers.evaluations import evaluation_of

HISTORY = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}


@pytest.fixture
def kept(tmp_path, network, xy):
    """Keep an evaluation as the commands do, beside a history."""

    def keep(name, result=None, **more):
        result = mnistcnn.evaluate(network, *xy) if result is None else result
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"history": HISTORY, "test": result.to_dict(), **more}))
        return name

    return keep


@pytest.fixture
def drawn(monkeypatch):
    """Catch the figures on their way to a file."""
    figures = []
    save = common.save_figure

    def catch(path, figure):
        figures.append(figure)
        save(path, figure)

    monkeypatch.setattr(common, "save_figure", catch)
    return figures


# evaluate


def test_a_terminal_gets_the_table_and_a_file_plain_text():
    result = evaluation_of(np.diag([3] * 10))
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=90, highlight=False)
        show(result, console)
        printed = console.file.getvalue()
        assert ("┃" in printed) is terminal
        assert (printed == f"{result}\n") is not terminal


def test_evaluate_keeps_what_compare_takes(network, xy, tmp_path, capsys):
    save_model(network, "a.keras")
    assert main(["evaluate", "a.keras", "--data", "digits", "--output", "out"]) == 0
    text = (tmp_path / "out/evaluation.json").read_text()
    found = mnistcnn.Evaluation.from_dict(json.loads(text)["test"])
    assert found == mnistcnn.evaluate(network, *xy)
    assert max(map(len, text.splitlines())) > 100  # a row of probabilities is one line
    assert re.search(r'"indices": \[\d+, \d+, ', text)
    assert main(["compare", "out", "out/evaluation.json", "--json"]) == 0


def test_json_for_people_is_the_same_json():
    report = {
        "text": "[\n 1,\n 2\n]", "empty": [], "numbers": [1, -2.5e-07, None], "rows": [[1], [2, 3]],
        "words": ["a", "1"], "inner": {"one": [0.1]}, "infinite": [1e300],
    }  # fmt: skip
    text = common.print_json(report)
    assert json.loads(text) == report
    lines = [line.strip() for line in text.splitlines()]
    assert '"numbers": [1, -2.5e-07, null],' in lines
    assert "[2, 3]" in lines


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("error", "patience", "shown"),
    [(Terminal, 0.0, True), (Terminal, 60.0, False), (io.StringIO, 0.0, False)],
)
def test_a_bar_is_for_long_work_on_a_terminal(error, patience, shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(common, "_PATIENCE", patience)
    monkeypatch.setattr(sys, "stderr", error())
    assert list(common.track(iter("abc"), 3, "Evaluating")) == ["a", "b", "c"]
    assert ("Evaluating" in sys.stderr.getvalue()) is shown


# compare


def test_compare_evaluates_both_on_the_same_images(network, xy, capsys):
    save_model(network, "a.keras")
    assert main(["compare", "a.keras", "best", "--data", "digits"]) == 0
    a, b = mnistcnn.evaluate(network, *xy), mnistcnn.evaluate(mnistcnn.load_pretrained(), *xy)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Data: digits, ")
    low, high = a.accuracy_ci
    assert (
        lines[1] == f"a: a.keras, accuracy {a.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
    )
    assert lines[2].startswith(f"b: best, accuracy {b.accuracy:.2%} ")
    assert lines[3:] == str(mnistcnn.compare(a, b)).splitlines()


def test_compare_of_kept_evaluations_needs_neither_data_nor_keras(kept):
    kept("first/result.json", evaluation_of([[5, 1], [0, 6]]))
    kept("second/evaluation.json", evaluation_of([[6, 0], [0, 6]]))
    code = (
        "import sys; from mnistcnn.cli.main import main;"
        "code = main(['compare', 'first', 'second/evaluation.json', '--json']);"
        "print(code, 'keras' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 False"
    report = json.loads(done.stdout)
    assert (report["a"], report["b"]) == ("first", "second/evaluation.json")
    assert (report["only_a_correct"], report["only_b_correct"], report["p_value"]) == (0, 1, 1.0)
    assert report["accuracy"] == {"a": 11 / 12, "b": 1.0}
    assert "data" not in report


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff", "a.json must be JSON; received 'utf-8' codec can't decode"),
        (b"{", "a.json must be JSON; received Expecting property name"),
        (b"[" * 100_000, "a.json must nest at most 16 levels; it nests more"),
        (b"[]", "a.json must hold a JSON object; received another value"),
        (b"{}", "a.json: test: values must be a dictionary; received None"),
        (b'{"test": {"loss": 1}}', "a.json: test: an evaluation must hold the keys num_images, "),
    ],
)
def test_a_damaged_evaluation_is_one_line_and_code_1(content, line, tmp_path, capsys):
    (tmp_path / "a.json").write_bytes(content)
    assert main(["compare", "a.json", "a.json"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"mnistcnn: {line}")
    assert printed.count("\n") == 1


def test_other_images_and_absent_files_are_refused(kept, tmp_path, capsys):
    kept("a.json", evaluation_of([[5, 1], [0, 6]]))
    kept("b.json", evaluation_of([[5, 1], [0, 7]]))
    assert main(["compare", "a.json", "b.json"]) == 1
    expected = (
        "mnistcnn: a and b must be of the same images in the same order; received 12 and 13\n"
    )
    assert capsys.readouterr().err == expected
    (tmp_path / "empty").mkdir()
    for source, line in {
        "absent.json": "absent.json must be an existing file; it is absent",
        "empty": "empty/result.json must be an existing file; it is absent",
        "absent.keras": "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'",
    }.items():
        assert main(["compare", "a.json", source]) == 1
        assert capsys.readouterr().err == f"mnistcnn: {line}\n"


# plot


def test_history_of_a_run(kept, drawn, capsys):
    kept("run/result.json")
    for source in ("run", "run/result.json"):
        assert main(["plot", "history", source]) == 0
        assert capsys.readouterr().out == "history.png: history\n"
    (figure, _) = drawn
    assert list(figure.axes[0].get_lines()[0].get_ydata()) == HISTORY["loss"]
    with Image.open("history.png") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    ("history", "line"),
    [
        ({}, "history must hold at least one epoch of loss and accuracy; 'loss' is absent"),
        ([1], "history must be a History or a mapping; received [1]"),
        ({"loss": ["a"], "accuracy": [1]}, "history: loss must be integers or floats; "),
        ({"loss": 3, "accuracy": [1]}, "history: loss must be "),
    ],
)
def test_a_damaged_history_is_one_line_and_code_1(history, line, kept, capsys, tmp_path):
    kept("result.json", history=history)
    assert main(["plot", "history", "."]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: result.json: {line}")
    assert not (tmp_path / "history.png").exists()


@pytest.mark.parametrize("source", ["a.keras", "a.json"])
def test_pictures_of_an_evaluation(source, network, kept, drawn, digits):
    save_model(network, "a.keras")
    kept("a.json")
    result = mnistcnn.evaluate(network, *mnistcnn.preprocess(*digits.test))
    assert main(["plot", "confusion-matrix", source, "--data", "digits"]) == 0
    assert drawn[-1].axes[0].get_title() == f"{result.num_correct:,} of 355 right"
    assert main(["plot", "reliability", source, "--data", "digits"]) == 0
    error = 100 * result.expected_calibration_error
    assert drawn[-1].axes[0].get_title() == f"Calibration error {error:.2f} %"
    wanted = ["plot", "mistakes", source, "--data", "digits", "--max-images", "3"]
    assert main([*wanted, "--output", "m.pdf"]) == 0
    assert drawn[-1].axes[0].get_title().startswith("3 of ")
    expected = mnistcnn.plot_misclassified(result, digits.test.images, max_images=3)
    texts = [[text.get_text() for text in one.axes[0].texts] for one in (drawn[-1], expected)]
    assert texts[0] == texts[1]
    assert Path("m.pdf").read_bytes().startswith(b"%PDF")


def test_pictures_of_a_network(network, drawn, digits, capsys):
    save_model(network, "a.keras")
    assert main(["plot", "filters", "a.keras", "--output", "f.svg", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["model"], report["path"]) == ("filters", "a.keras", "f.svg")
    assert report["bytes"] > 1_000
    assert main(["plot", "activations", "best", "--data", "digits", "--image", "7"]) == 0
    shown = drawn[-1].axes[0].get_images()[0].get_array()
    assert np.array_equal(shown, mnistcnn.preprocess(digits.test.images[7])[0, :, :, 0])
    assert main(["plot", "activations", "best", "--data", "digits", "--image", "355"]) == 1
    expected = "mnistcnn: --image must be below 355, the number of test images; received 355\n"
    assert capsys.readouterr().err == expected


def test_pictures_of_digits_need_no_keras():
    code = (
        "import sys; from mnistcnn.cli.main import main;"
        "code = main(['plot', 'digits', '--data', 'digits']); print(code, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["digits.png: digits", "0 False"]
    assert done.stderr == ""


@pytest.mark.parametrize(("part", "count"), [("train", 5), ("test", 40)])
def test_digits_of_either_part(part, count, drawn, digits):
    most = [] if count == 40 else ["--max-images", str(count)]
    assert main(["plot", "digits", "--data", "digits", "--part", part, *most]) == 0
    texts = [text.get_text() for text in drawn[0].axes[0].texts]
    assert texts == [str(label) for label in getattr(digits, part).labels[:count]]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["plot", "digits", "--output", "a.txt"], "--output must end in .png or .svg or .pdf; received 'a.txt'"),
        (["plot", "filters", "absent.keras"], "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
        (["plot", "activations", "absent.keras"], "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
        (["plot", "mistakes", "absent.json"], "absent.json must be an existing file; it is absent"),
    ],
)  # fmt: skip
def test_a_refused_picture_is_one_line_and_leaves_nothing(arguments, line, capsys, tmp_path):
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"mnistcnn: {line}\n"
    assert list(tmp_path.iterdir()) == []


def test_mistakes_of_other_images_are_refused(kept, capsys):
    kept("a.json", evaluation_of(np.diag([35] * 10)))
    assert main(["plot", "mistakes", "a.json", "--data", "digits"]) == 1
    expected = "mnistcnn: --data must be the images of the evaluation in a.json; received others\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["plot"], "the following arguments are required: KIND"),
        (["plot", "cake"], "invalid choice: 'cake'"),
        (["plot", "history"], "the following arguments are required: RUN"),
        (["plot", "activations", "best", "--image", "-1"], "argument --image: must be at least 0; received -1"),
        (["plot", "mistakes", "best", "--max-images", "0"], "argument --max-images: must be at least 1; received 0"),
        (["compare", "best"], "the following arguments are required: B"),
        (["report"], "the following arguments are required: MODEL"),
    ],
)  # fmt: skip
def test_usage_is_code_2(arguments, line, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert line in capsys.readouterr().err


def test_every_kind_has_a_drawing_and_help(capsys):
    for kind in plot._KINDS:
        with pytest.raises(SystemExit) as caught:
            main(["plot", kind, "--help"])
        assert caught.value.code == 0
        # argparse breaks lines at hyphens
        assert f"(default:{kind}.png)" in "".join(capsys.readouterr().out.split())
    assert isinstance(
        plot._digits(argparse.Namespace(data="digits", part="test", max_images=1), {}),
        Figure,
    )
