"""mnistcnn sheet: forms to print, and the dataset that photos of them hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.sheets.layout import box_labels


@pytest.fixture(scope="module")
def photos(tmp_path_factory, digits):
    """Two pages with three digits each in the first boxes of a row, the fourth one spoiled."""
    folder = tmp_path_factory.mktemp("photos")
    for page in (1, 2):
        path = folder / f"{page}.png"
        mnistcnn.write_sheet(path, first_page=page)
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("L"))
        for column in range(4):
            ink = Image.fromarray(255 - digits.test.images[column]).resize((110, 110))
            left = 207 + 177 * column + (60 if column == 3 else 0)
            part = pixels[430:540, left : left + 110]
            np.minimum(part, ink, out=part)
        Image.fromarray(pixels).resize((1240, 1754)).save(path)
    return folder


def test_a_form_of_two_pages(capsys):
    assert main(["sheet", "--pages", "2", "--paper", "letter"]) == 0
    assert capsys.readouterr().out == "sheet.pdf: form, 2 pages\n"
    assert Path("sheet.pdf").read_bytes().startswith(b"%PDF-")
    assert main(["sheet", "--json"]) == 0  # replaces a file of its own
    assert json.loads(capsys.readouterr().out)["pages"] == 1


def test_a_form_of_another_page_as_a_picture(capsys):
    assert (
        main(["sheet", "--output", "a.png", "--page", "7", "--class-names", "A,B", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out) == {
        "path": "a.png", "paper": "a4", "page": 7, "pages": 1,
    }  # fmt: skip
    reading = mnistcnn.read_sheet("a.png", class_names=["A", "B"])
    assert {box.page for box in reading.unreadable} == {7}


def test_photos_become_a_dataset(photos, capsys):
    paths = [str(photos / name) for name in ("1.png", "2.png")]
    assert main(["sheet", "--read", *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = box_labels(1, 168, 10)
    assert lines[:3] == [
        f"{paths[0]}: page 1, 3 of 168 boxes read",
        "  empty: 164",
        f"  row 1, column 4 ({labels[3]}): crosses the border",
    ]
    assert lines[-1] == "digits.npz: 6 images"
    _, (images, read_labels) = mnistcnn.load_data("digits.npz", test_size=1.0)
    assert images.shape == (6, 28, 28)
    assert read_labels[:3].tolist() == labels[:3].tolist()


def test_json_lists_each_box(photos, capsys):
    path = str(photos / "1.png")
    assert main(["sheet", "--read", path, path, "--output", "a.npz", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == "a.npz"
    assert report["pictures"] == [path]
    assert len(report["boxes"]) == 3
    assert len(report["unreadable"]) == 165
    assert report["boxes"][1] | {"label": 0} == {
        "picture": 0, "page": 1, "row": 1, "column": 2, "label": 0, "reason": None,
    }  # fmt: skip


def test_a_photo_that_cannot_be_read_does_not_stop_the_others(photos, capsys):
    Image.new("L", (400, 300), 200).save("desk.png")
    paths = ["desk.png", "none.jpg", str(photos / "1.png")]
    assert main(["sheet", "--read", *paths]) == 1
    streams = capsys.readouterr()
    assert streams.err.splitlines() == [
        "mnistcnn: desk.png must show the four corner marks of a form; none of them was found",
        "mnistcnn: none.jpg: No such file or directory",
    ]
    assert "digits.npz: 3 images" in streams.out


def test_without_a_readable_box_there_is_no_dataset(capsys):
    assert main(["sheet", "--output", "form.png"]) == 0
    assert main(["sheet", "--read", "form.png"]) == 1
    assert "no box could be read, so there is no dataset" in capsys.readouterr().err
    assert not Path("digits.npz").exists()


def test_no_file_of_another_program_is_replaced(photos, capsys):
    for name in ("sheet.pdf", "digits.npz"):
        Path(name).write_text("mine")
    path = str(photos / "1.png")
    assert main(["sheet"]) == 1
    assert main(["sheet", "--read", path]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith(
        "mnistcnn: sheet.pdf must not exist or be a file that mnistcnn wrote"
    )
    assert errors[1:] == [
        (
            "mnistcnn: digits.npz must not exist; it does: choose another file with --output, or name "
            "this one to replace it"
        )
    ]
    assert Path("digits.npz").read_text() == "mine"


def test_an_earlier_dataset_is_replaced_only_if_it_is_named(photos, capsys):
    paths = [str(photos / name) for name in ("1.png", "2.png")]
    assert main(["sheet", "--read", *paths]) == 0
    assert main(["sheet", "--read", paths[0]]) == 1
    assert "digits.npz must not exist; it does" in capsys.readouterr().err
    with np.load("digits.npz") as arrays:
        assert len(arrays["x"]) == 6
    assert main(["sheet", "--read", paths[0], "--output", "digits.npz"]) == 0
    with np.load("digits.npz") as arrays:
        assert len(arrays["x"]) == 3
    assert main(["sheet", "--read", paths[0], "--output", paths[0]]) == 1


OPTIONS = {
    "suffix": (["--output", "a.svg"], "path must end in .pdf or .png; received 'a.svg'"),
    "dataset": (["--read", "a.jpg", "--output", "a.csv"], "--output must end in .npz; received 'a.csv'"),
    "both": (["--read", "a.jpg", "--paper", "a4"], "--paper must not be combined with --read; received both"),
    "pages": (["--read", "a.jpg", "--pages", "2"], "--pages must not be combined with --read; received both"),
    "names": (["--class-names", "A,A"], "class_names must differ; received 'A' twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_invalid_options(name, capsys):
    arguments, message = OPTIONS[name]
    assert main(["sheet", *arguments]) == 1
    assert capsys.readouterr().err == f"mnistcnn: {message}\n"
