"""The commands on a data set of twelve named classes."""

import json

import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.weights.keras_file import save_model

NAMES = tuple("ant bee cat dog eel fox gnu hen ibis jay koi lynx".split())  # noqa: SIM905  # in a line


@pytest.fixture
def animals(tmp_path, digits):
    """The name of a folder of 12 images of each class to train on, and 2 to test on."""
    (images, _), _ = digits
    for number, name in enumerate(NAMES):
        for split, first, count in (("train", 0, 12), ("test", 12, 2)):
            folder = tmp_path / "animals" / split / name
            folder.mkdir(parents=True)
            for i in range(first, first + count):
                Image.fromarray(images[14 * number + i]).save(folder / f"{i}.png")
    return "animals"


@pytest.mark.slow
def test_names_go_from_the_folder_to_every_command(animals, tmp_path, capsys):
    command = ["train", "--data", animals, "--recipe", "fast", "--seed", "0", "--output", "run"]
    assert main(command) == 0
    lines = capsys.readouterr().out
    assert "144 training and 24 test images of 12 classes (as requested)." in lines
    assert all(name in lines for name in NAMES)
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["data"]["class_names"] == result["test"]["class_names"] == list(NAMES)

    model = "run/model.keras"
    assert mnistcnn.load_model(model).class_names == NAMES
    assert main(["evaluate", model, "--data", animals, "--output", "e"]) == 0
    lines = capsys.readouterr().out
    assert all(name in lines for name in NAMES)
    assert json.loads((tmp_path / "e/evaluation.json").read_text())["test"] == result["test"]

    assert main(["report", model, "--data", animals]) == 0
    assert '<th scope="row">lynx</th>' in (tmp_path / "report.html").read_text()

    assert main(["export", model, "a.onnx"]) == 0
    assert mnistcnn.Recognizer("a.onnx").class_names == NAMES
    capsys.readouterr()
    assert main(["read", "--weights", "a.onnx", "animals/test/ant/12.png"]) == 1
    assert "received one of the 12 classes 'ant', 'bee', 'cat'" in capsys.readouterr().err


def test_names_are_taken_from_the_side_that_has_them(animals, network, capsys):
    """A model without names, as another program saves it, is evaluated with those of the data."""
    save_model(mnistcnn.build_model(num_classes=12, seed=0), "numbered.keras")
    assert main(["evaluate", "numbered.keras", "--data", animals]) == 0
    assert "lynx" in capsys.readouterr().out
    save_model(mnistcnn.build_model(class_names=NAMES[::-1]), "reversed.keras")
    save_model(network, "digits.keras")
    for path, classes in [
        ("reversed.keras", "12 classes 'lynx', 'koi'"),
        ("digits.keras", "10 classes '0', '1'"),
    ]:
        assert main(["evaluate", path, "--data", animals]) == 1
        message = capsys.readouterr().err
        assert "MODEL must have the 12 classes of the dataset, 'ant', 'bee'" in message
        assert f"received a model of the {classes}" in message


def test_plots_of_images_have_the_names(animals, saved_figures):
    assert main(["plot", "digits", "--data", animals, "--max-images", "2"]) == 0
    texts = {text.get_text() for text in saved_figures[0].axes[0].texts}
    assert texts <= set(NAMES)
