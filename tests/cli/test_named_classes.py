"""The commands on a data set of twelve named classes."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

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
    with Image.open("animals/test/ant/12.png") as image:
        name = NAMES[mnistcnn.Recognizer("a.onnx").predict(np.asarray(image))[0]]
    capsys.readouterr()
    assert main(["read", "--weights", "a.onnx", "animals/test/ant/12.png"]) == 0
    assert capsys.readouterr().out == f"{name}\n"


@pytest.fixture
def weights(tmp_path):
    mnistcnn.export_model(mnistcnn.build_model(class_names=NAMES, seed=0), "a.onnx")
    return ["--weights", "a.onnx"]


def test_each_image_has_one_class(animals, weights, tmp_path, capsys):
    """Of 28 × 28 pixels as it is, or inverted; of any other size normalized."""
    path = tmp_path / "animals/test/bee/12.png"
    with Image.open(path) as image:
        ImageOps.invert(image).save("inverted.png")
        ImageOps.expand(image.resize((90, 90)), 9).save("large.png")
        expected = mnistcnn.Recognizer("a.onnx").predict_proba(np.asarray(image))[0]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    files = [str(path), "inverted.png", "large.png", "broken.png"]
    capsys.readouterr()
    assert main(["read", *weights, *files, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    first, second, third, last = report["images"]
    name = NAMES[expected.argmax()]
    assert first == {"image": files[0], "class": name, "confidence": pytest.approx(expected.max())}
    assert second == {**first, "image": files[1]}
    assert third["class"] in NAMES
    assert (last["image"], "class" in last, report["failed"]) == (files[3], False, 1)
    assert main(["read", *weights, *files]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[:2] == [f"{file}: {name}" for file in files[:2]]
    assert captured.err.endswith("mnistcnn: 1 of 4 images could not be read\n")


@pytest.mark.parametrize(
    "option",
    [["--pattern", "1"], ["--csv"], ["--min-confidence", "0.5"], ["--region", "0,0,9,9"]],
)
def test_options_for_pages_of_digits_are_rejected(option, animals, weights, capsys):
    assert main(["read", *weights, "animals/test/ant/12.png", *option]) == 1
    rule = f"mnistcnn: {option[0]} must have a network of the ten digits; received one of the 12 "
    assert capsys.readouterr().err.startswith(f"{rule}classes 'ant', 'bee'")


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
