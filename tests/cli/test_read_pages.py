"""mnistcnn read, of files with several pages, and of data URLs."""

import argparse
import base64
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli.main import main
from mnistcnn.cli.pages import parse_pages
from tests.helpers.readings import fake_pipeline, make_reading


@pytest.fixture(autouse=True)
def pages(monkeypatch, tmp_path):
    """A file scan.tif of pages that are 100, 110 and 120 pixels wide, which is what they show."""
    fake_pipeline(monkeypatch, lambda image: make_reading(str(image.width)).lines)
    images = [Image.new("L", (100 + 10 * i, 60), 255) for i in range(3)]
    images[0].save(tmp_path / "scan.tif", save_all=True, append_images=images[1:])
    Image.new("L", (200, 60), 255).save(tmp_path / "a.png")


def test_text_of_each_page(capsys):
    assert main(["read", "scan.tif"]) == 0
    expected = "".join(
        f"{line_break}==> scan.tif, page {number} <==\n{text}\n"
        for line_break, number, text in [("", 1, 100), ("\n", 2, 110), ("\n", 3, 120)]
    )
    assert capsys.readouterr() == (expected, "")


def test_csv_has_a_row_for_each_page(capsys):
    assert main(["read", "scan.tif", "a.png", "--csv"]) == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert [row[:4] for row in table] == [
        ["image", "page", "line", "text"],
        ["scan.tif", "1", "1", "100"],
        ["scan.tif", "2", "1", "110"],
        ["scan.tif", "3", "1", "120"],
        ["a.png", "1", "1", "200"],
    ]


def test_fields_of_each_page(tmp_path, capsys):
    (tmp_path / "fields.json").write_text('[{"name": "number", "pattern": 3}]')
    assert main(["read", "scan.tif", "--fields", "fields.json"]) == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert [row[:3] for row in table[1:]] == [
        ["scan.tif", "1", "100"],
        ["scan.tif", "2", "110"],
        ["scan.tif", "3", "120"],
    ]


def test_selected_pages(capsys):
    assert main(["read", "scan.tif", "a.png", "--pages", "3,1", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [
        (result["image"], result["page"], result.get("text")) for result in report["images"]
    ] == [
        ("scan.tif", 3, "120"),
        ("scan.tif", 1, "100"),
        ("a.png", 3, None),
        ("a.png", 1, "200"),
    ]
    assert report["images"][2]["error"] == "page must be at most 1, the last page; received 3"


@pytest.mark.parametrize(
    ("text", "pages"), [("2", [2]), ("1,3-5", [1, 3, 4, 5]), ("2-3, 3 ,1", [2, 3, 1])]
)
def test_page_numbers(text, pages):
    assert parse_pages(text) == pages


@pytest.mark.parametrize("text", ["", "0", "3-2", "1-", "-1", "1-10001", "99999999", "x", "²"])
def test_invalid_page_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        parse_pages(text)
    assert str(caught.value) == (
        f"must be numbers of pages such as 1,3-5, up to 10,000; received {text!r}"
    )


def test_damaged_page_does_not_stop_the_others(tmp_path, capsys):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (60, 100), np.uint8)) for _ in range(3)]
    file = io.BytesIO()
    images[0].save(file, "TIFF", save_all=True, append_images=images[1:], compression="tiff_lzw")
    content = bytearray(file.getvalue())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)
    (tmp_path / "b.tif").write_bytes(content)
    assert main(["read", "b.tif"]) == 1
    out, err = capsys.readouterr()
    assert out.count("<==\n100\n") == 2
    first, last = err.splitlines()
    assert first.startswith("mnistcnn: b.tif, page 2 must be an undamaged image; ")
    assert last == "mnistcnn: 1 of 3 pages could not be read"


def test_page_that_does_not_fit_is_named(capsys):
    assert main(["read", "scan.tif", "--pattern", "1[12]0"]) == 1
    out, err = capsys.readouterr()
    assert out == "==> scan.tif, page 2 <==\n110\n\n==> scan.tif, page 3 <==\n120\n".replace(
        "==> scan.tif, page 2", "\n==> scan.tif, page 2", 1
    )
    assert err.startswith("mnistcnn: scan.tif, page 1: picture must show a number that fits ")


def test_boxes_of_pages_go_to_a_folder(tmp_path, capsys):
    assert main(["read", "scan.tif", "--boxes", "new"]) == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == [f"scan-page-{number}-boxes.png" for number in (1, 2, 3)]
    capsys.readouterr()
    assert main(["read", "scan.tif", "--pages", "1", "--boxes", "out.png"]) == 1
    assert capsys.readouterr() == (
        "",
        "mnistcnn: scan.tif, page 1: --boxes must be a folder for several pages; received out.png\n",
    )


def test_boxes_never_replace_others(tmp_path, capsys):
    (tmp_path / "scan-page-2.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert main(["read", "scan-page-2.png", "scan.tif", "--boxes", "new"]) == 1
    err = capsys.readouterr().err
    assert "page 2: --boxes must not replace new/scan-page-2-boxes.png, which has just been" in err


def test_data_url(tmp_path, capsys):
    url = "data:image/png;base64," + base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    assert main(["read", url]) == 0
    assert capsys.readouterr() == ("200\n", "")
    assert main(["read", url, "--json", "--boxes", "new.png"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["images"]
    assert result["image"] == f"{url[:40]}..."
    assert (tmp_path / "new.png").exists()
    assert main(["read", "data:,x"]) == 1
    assert capsys.readouterr().err == (
        "mnistcnn: a data URL must be data:image/...;base64,...; received 'data:,x'\n"
    )


def test_missing_extra_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7\n")
    monkeypatch.setattr("mnistcnn.utils.requirements.find_spec", lambda name: None)
    assert main(["read", "b.pdf", "a.png"]) == 1
    out, err = capsys.readouterr()
    assert out == "\n==> a.png <==\n200\n"
    assert err == (
        "mnistcnn: reading PDF files needs pypdfium2; pip install 'mnistcnn[pdf]'\n"
        "mnistcnn: 1 of 2 images could not be read\n"
    )
