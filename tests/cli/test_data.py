"""mnistcnn data: what a dataset holds, and what looks wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli.main import main
from mnistcnn.data.formats.idx import encode_idx


@pytest.fixture
def describe(capsys):
    """Run the command and return its lines."""

    def run(*arguments):
        assert main(["data", *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def describe_json(capsys):
    def run(*arguments):
        assert main(["data", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def save(path, images, labels):
    np.savez(path, x=images, y=labels)
    return str(path)


def test_a_named_dataset(describe):
    assert describe("digits") == [
        "digits: the data set digits",
        "            train       test",
        "images      1,442        355",
        "     0        143         35",
        "     1        146         36",
        "     2        142         35",
        "     3        147         36",
        "     4        145         36",
        "     5        146         36",
        "     6        145         36",
        "     7        144         35",
        "     8        140         34",
        "     9        144         36",
        "train: uint8 (1442, 28, 28), values 0...255",
        "test: uint8 (355, 28, 28), values 0...255",
    ]


def test_a_file_of_one_set(describe, digits, tmp_path):
    images, labels = digits.train
    path = save(tmp_path / "a.npz", (images / 255).reshape(-1, 784), np.eye(10)[labels])
    lines = describe(path)
    assert lines[0] == f"{path}: .npz archive"
    assert lines[1].split() == ["all"]
    assert lines[2].split() == ["images", "1,442"]
    assert lines[-2] == "all: float64 (1442, 784), values 0...1"
    assert lines[-1] == "Note: there is one set of images: load_data needs test_size or test"


def test_json(describe_json, digits, tmp_path):
    labels = digits.train.labels.copy()
    path = save(tmp_path / "a.npz", digits.train.images, labels)
    report = describe_json(path)
    assert report["source"] == path
    assert report["format"] == ".npz archive"
    assert report["class_names"] == [str(i) for i in range(10)]
    part = report["parts"]["all"]
    assert part["images"] == 1442
    assert part["stored"] == "uint8 (1442, 28, 28)"
    assert part["values"] == [0, 255]
    assert list(part["classes"].values()) == np.bincount(labels).tolist()


def test_letters_of_emnist(describe_json, tiny, tmp_path):
    for part, split in zip(("train", "test"), tiny, strict=True):
        name = tmp_path / f"emnist-letters-{part}"
        images = encode_idx(split.images.transpose(0, 2, 1))
        name.with_name(f"{name.name}-images-idx3-ubyte").write_bytes(images)
        labels = encode_idx(split.labels + np.uint8(1))
        name.with_name(f"{name.name}-labels-idx1-ubyte").write_bytes(labels)
    report = describe_json(str(tmp_path))
    assert report["format"] == "IDX files"
    assert report["class_names"][:3] == ["A", "B", "C"]
    assert report["notes"][:2] == [
        "rows and columns of the images are exchanged (transpose)",
        "the labels of the file begin at 1, here at 0",
    ]
    assert "transpose" not in str(describe_json(str(tmp_path), "--no-transpose")["notes"])


SUSPICIOUS = {
    "dark on light": (lambda x, y: (255 - x, y), "the images are dark on light, but MNIST is light on dark: invert them (255 - images)"),
    "blank": (lambda x, y: (np.concatenate([x, np.zeros((2, 28, 28), np.uint8)]), np.append(y, [0, 1])), "2 images are blank"),
    "binary": (lambda x, y: ((x > 99).astype(np.uint8), y), "the largest value is 1 of 255: the images will be nearly black"),
    "a gap": (lambda x, y: (x[(y != 3) & (y != 8)], y[(y != 3) & (y != 8)]), "no images of the classes 3, 8"),
    "from 1": (lambda x, y: (x, y.astype(int) + 1), "no images of the classes 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_looks_wrong_is_noted(name, describe_json, digits, tmp_path):
    change, note = SUSPICIOUS[name]
    notes = describe_json(save(tmp_path / "a.npz", *change(*digits.test)))["notes"]
    assert notes == ["there is one set of images: load_data needs test_size or test", note]


def test_test_images_in_the_training_set_are_noted(describe_json, digits, write_npz):
    images = digits.test.images.copy()
    images[:5] = digits.train.images[7]
    images[5] = digits.train.images[8]
    path = write_npz(digits, x_test=images)
    assert describe_json(str(path))["notes"] == ["2 test images are also training images"]


def test_the_contact_sheet_has_a_row_per_class(describe, digits, tmp_path):
    path = save(tmp_path / "a.npz", *digits.train)
    lines = describe(path, "--contact-sheet", "sheet.png")
    assert lines[-1] == "sheet.png: contact sheet"
    with Image.open("sheet.png") as sheet:
        assert sheet.height > 0.7 * sheet.width


def test_the_contact_sheet_does_not_replace_the_data(digits, tmp_path, capsys):
    path = save(tmp_path / "a.npz", *digits.train)
    (tmp_path / "a.png").symlink_to(path)
    assert main(["data", path, "--contact-sheet", "a.png"]) == 1
    assert "an output must not replace an input" in capsys.readouterr().err
    assert main(["data", path, "--contact-sheet", "a.txt"]) == 1
    assert "--contact-sheet must end in .png or .svg or .pdf" in capsys.readouterr().err


def test_an_unknown_name(capsys):
    assert main(["data", "minst"]) == 1
    assert 'source must be "digits", "mnist"' in capsys.readouterr().err


def test_data_files_of_other_commands(digits, tmp_path, capsys):
    """The options of files reach load_data."""
    path = save(tmp_path / "a.npz", *digits.train)
    arguments = ["plot", "digits", "--data", path, "--max-images", "3", "--output", "out.png"]
    assert main(arguments) == 1
    assert "needs test_size" in capsys.readouterr().err
    assert main([*arguments, "--test-size", "0.25", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {
        "source": path, "reason": "as requested", "train": 1082, "test": 360, "test_size": 0.25,
    }  # fmt: skip
    test = save(tmp_path / "b.npz", *digits.test)
    assert main([*arguments, "--test-data", test]) == 0
    assert "1,442 training and 355 test images" in capsys.readouterr().out
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b.png").hardlink_to(test)
    assert main([*arguments[:-1], "out/b.png", "--test-data", test]) == 1
    assert f"the output out/b.png is the input {test}" in capsys.readouterr().err


def test_an_output_may_not_replace_a_file_of_a_folder(tiny, tmp_path, capsys):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, array in zip(
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), tiny.train, strict=True
    ):
        (folder / name).write_bytes(encode_idx(array))
    (tmp_path / "sheet.png").hardlink_to(folder / "train-images-idx3-ubyte")
    assert main(["data", "mnist", "--contact-sheet", "sheet.png"]) == 1
    capsys.readouterr()
    assert main(["data", str(folder), "--contact-sheet", "sheet.png"]) == 1
    assert f"the output sheet.png is the input {folder}" in capsys.readouterr().err
    (tmp_path / "other.png").write_text("old")
    assert main(["data", str(folder), "--contact-sheet", "other.png"]) == 0
    # A figure of ours is no data, also if it lies in the folder of the data.
    for _ in range(2):
        assert main(["data", str(folder), "--contact-sheet", "mnist/sheet.png"]) == 0
