"""mnistcnn plot."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.cli.plot import KINDS
from tests.cli.conftest import HISTORY
from tests.helpers.evaluations import make_evaluation


def test_history_of_a_run(save_result, saved_figures, capsys):
    save_result("run/result.json")
    for source in ("run", "run/result.json"):
        assert main(["plot", "history", source]) == 0
        assert capsys.readouterr().out == "history.png: history\n"
    figure, _ = saved_figures
    assert list(figure.axes[0].get_lines()[0].get_ydata()) == HISTORY["loss"]
    with Image.open("history.png") as image:
        assert image.format == "PNG"


def test_a_formula_in_a_name_is_not_drawn(save_result, model_file, capsys):
    """Matplotlib would fail at an invalid formula, and take long for some valid ones."""
    name = r"a$\frac{$"
    save_result(f"{name}/result.json")
    Path(model_file).rename(f"{name}/$x^{{2$.keras")
    assert main(["plot", "history", name, "--output", f"{name}/$y_$.svg"]) == 0
    assert main(["plot", "filters", f"{name}/$x^{{2$.keras", "--output", f"{name}/$y$.svg"]) == 0
    for path in Path(name).glob("*.svg"):
        assert "$" not in path.read_text()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (
            {},
            "history must hold loss and accuracy of at least one epoch; received no values of 'loss'",
        ),
        ([1], "history must be a History or a mapping; received [1]"),
        ({"loss": ["a"], "accuracy": [1]}, "history: loss must be "),
        ({"loss": 3, "accuracy": [1]}, "history: loss must be "),
    ],
)
def test_damaged_history_writes_no_file(history, message, save_result, capsys, tmp_path):
    save_result("result.json", history=history)
    assert main(["plot", "history", "."]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: result.json: {message}")
    assert not (tmp_path / "history.png").exists()


@pytest.mark.usefixtures("model_file")
@pytest.mark.parametrize("source", ["a.keras", "a.json"])
def test_figures_of_an_evaluation(source, network_evaluation, save_result, saved_figures, digits):
    save_result("a.json")
    assert main(["plot", "confusion-matrix", source, "--data", "digits"]) == 0
    assert main(["plot", "calibration", source, "--data", "digits"]) == 0
    arguments = ["plot", "misclassified", source, "--data", "digits", "--max-images", "3"]
    assert main([*arguments, "--output", "m.pdf"]) == 0
    expected = [
        mnistcnn.plot_confusion_matrix(network_evaluation),
        mnistcnn.plot_calibration(network_evaluation),
        mnistcnn.plot_misclassified(network_evaluation, digits.test.images, max_images=3),
    ]
    assert list(map(texts, saved_figures)) == list(map(texts, expected))
    assert saved_figures[2].axes[0].get_title().startswith("3 of ")
    assert Path("confusion-matrix.png").exists()
    assert Path("calibration.png").exists()
    assert Path("m.pdf").read_bytes().startswith(b"%PDF")


def texts(figure):
    return [(axes.get_title(), [text.get_text() for text in axes.texts]) for axes in figure.axes]


def test_figures_of_a_model(model_file, saved_figures, digits, capsys):
    assert main(["plot", "filters", model_file, "--output", "f.svg", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["model"], report["path"]) == ("filters", "a.keras", "f.svg")
    assert report["bytes"] > 1_000
    assert main(["plot", "activations", "best", "--data", "digits", "--image", "7"]) == 0
    image = saved_figures[-1].axes[0].get_images()[0].get_array()
    assert np.array_equal(image, mnistcnn.preprocess(digits.test.images[7])[0, :, :, 0])
    assert main(["plot", "activations", "best", "--data", "digits", "--image", "355"]) == 1
    expected = "mnistcnn: --image must be less than 355, the number of test images; received 355\n"
    assert capsys.readouterr().err == expected


def test_saliency_of_test_images(saved_figures, digits, capsys):
    arguments = ["plot", "saliency", "best", "--data", "digits", "--image", "7"]
    assert main([*arguments, "--max-images", "2", "--output", "s.png"]) == 0
    assert capsys.readouterr().out.endswith("s.png: saliency\n")
    expected = mnistcnn.plot_saliency("best", digits.test.images[7:9])
    assert texts(saved_figures[0]) == texts(expected)
    assert len(saved_figures[0].axes) == 6
    image = saved_figures[0].axes[0].get_images()[0].get_array()
    assert np.array_equal(image, mnistcnn.preprocess(digits.test.images[7])[0, :, :, 0])
    assert main([*arguments[:-1], "355"]) == 1
    expected = "mnistcnn: --image must be less than 355, the number of test images; received 355\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(("split", "count"), [("train", 5), ("test", 40)])
def test_digits_of_either_split(split, count, saved_figures, digits):
    max_images = [] if count == 40 else ["--max-images", str(count)]
    assert main(["plot", "digits", "--data", "digits", "--split", split, *max_images]) == 0
    labels = [text.get_text() for text in saved_figures[0].axes[0].texts]
    assert labels == [str(label) for label in getattr(digits, split).labels[:count]]


def test_misclassified_images_must_be_those_of_the_evaluation(save_result, capsys):
    save_result("a.json", make_evaluation(np.diag([35] * 10)))
    assert main(["plot", "misclassified", "a.json", "--data", "digits"]) == 1
    assert capsys.readouterr().err == (
        "mnistcnn: --data must be the test images of the evaluation in a.json; "
        "received other images\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_help(kind, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["plot", kind, "--help"])
    assert caught.value.code == 0
    # argparse breaks lines at hyphens
    assert f"(default:{kind}.png)" in "".join(capsys.readouterr().out.split())
