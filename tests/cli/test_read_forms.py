"""mnistcnn read with regions, patterns, fields, marks and CSV."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli.main import main
from mnistcnn.images.image_io import read_image
from tests.helpers.readings import fake_pipeline, make_digit, make_reading

# Fields are 100, 110 and 120 pixels wide, and images 200.
INVOICE, DATE, COUNT, PAGE = 100, 110, 120, 200
FIELDS = [
    {"name": "invoice", "region": [0, 0, INVOICE, 20], "pattern": r"\d{5}"},
    {"name": "date", "region": [0, 20, DATE, 40], "pattern": r"\d\d\.\d\d\.\d{4}"},
    {"name": "count", "region": [0, 40, COUNT, 60]},
]


@pytest.fixture
def lines(monkeypatch):
    """The lines of digits that are found in an image or region, by its width."""
    lines = {
        INVOICE: make_reading("48213").lines,
        DATE: make_reading("17 06 2024").lines,
        COUNT: make_reading("12\n3").lines,
        PAGE: make_reading("48 213\n9").lines,
    }
    fake_pipeline(monkeypatch, lambda image: lines[image.width])
    return lines


@pytest.fixture(autouse=True)
def _images(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((100, PAGE), 255, np.uint8)).save(tmp_path / name)
    (tmp_path / "fields.json").write_text(json.dumps(FIELDS))


def rows(text):
    return list(csv.reader(io.StringIO(text)))


HEADER = ["image", "page", "invoice", "invoice probability", "date", "date probability", "count", "count probability", "error"]  # fmt: skip
ROW = ["48213", "0.5905", "17.06.2024", "0.4305", "12\n3", "0.729", ""]


@pytest.mark.parametrize("flags", [[], ["--csv"]])
def test_fields_of_several_forms_as_csv(flags, lines, capsys):
    assert main(["read", "a.png", "b.png", "--fields", "fields.json", *flags]) == 0
    out, err = capsys.readouterr()
    assert rows(out) == [HEADER, ["a.png", "1", *ROW], ["b.png", "1", *ROW]]
    assert err == ""


def test_fields_as_json(lines, recognizer, capsys):
    assert main(["read", "a.png", "--fields", "fields.json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == 0
    (image,) = report["images"]
    assert image["image"] == "a.png"
    picture = read_image("a.png")
    assert image["fields"] == {
        field["name"]: recognizer.read(
            picture, region=field["region"], pattern=field.get("pattern")
        ).to_dict()
        for field in FIELDS
    }


def test_a_field_that_does_not_fit_leaves_the_others(lines, capsys):
    lines[INVOICE] = make_reading("4821").lines
    lines[COUNT] = [[make_digit(1), make_digit(2, 0.3)]]
    arguments = ["read", "a.png", "--fields", "fields.json", "--min-confidence", "0.5"]
    message = (
        "invoice: picture must show a number that fits the pattern '\\\\d{5}'; it shows '4821'"
    )
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert rows(out)[1] == ["a.png", "1", "", "", *ROW[2:4], "1?", "0.27", message]
    assert err == f"mnistcnn: a.png: {message}\n"

    assert main([*arguments, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == 1
    fields = report["images"][0]["fields"]
    assert fields["invoice"] == {"text": None, "error": message.removeprefix("invoice: ")}
    assert fields["date"]["text"] == "17.06.2024"
    assert fields["count"]["text"] == "1?"


def test_a_form_that_is_too_small_or_not_readable(lines, tmp_path, capsys):
    Image.fromarray(np.full((30, PAGE), 255, np.uint8)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    assert main(["read", "a.png", "b.png", "c.png", "--fields", "fields.json"]) == 1
    out, err = capsys.readouterr()
    table = rows(out)
    assert [row[0] for row in table] == ["image", "a.png", "b.png", "c.png"]
    assert {len(row) for row in table} == {len(HEADER)}
    outside = "region must lie within the picture, 200 × 30 pixels; received"
    assert table[2][2:] == [
        "48213",
        "0.5905",
        "",
        "",
        "",
        "",
        f"date: {outside} (0, 20, 110, 40); count: {outside} (0, 40, 120, 60)",
    ]
    assert table[3][1:-1] == ["1", *[""] * 6]
    assert table[3][-1].startswith("c.png must be ")
    assert err.splitlines()[:2] == [
        f"mnistcnn: b.png: date: {outside} (0, 20, 110, 40)",
        f"mnistcnn: b.png: count: {outside} (0, 40, 120, 60)",
    ]
    assert err.splitlines()[-1] == "mnistcnn: 2 of 3 images could not be read completely"


def test_plain_csv_has_a_row_for_each_line(lines, tmp_path, capsys):
    Image.fromarray(np.full((100, 70), 255, np.uint8)).save(tmp_path / "b.png")
    lines[70] = []
    (tmp_path / "c.png").write_bytes(b"")
    assert main(["read", "a.png", "b.png", "c.png", "--csv"]) == 1
    table = rows(capsys.readouterr().out)
    assert table[:4] == [
        ["image", "page", "line", "text", "probability", "error"],
        ["a.png", "1", "1", "48 213", "0.5905", ""],
        ["a.png", "1", "2", "9", "0.9", ""],
        ["b.png", "1", "", "", "1.0", ""],
    ]
    assert table[4][:5] == ["c.png", "", "", "", ""]
    assert table[4][5].endswith("; received 0 bytes")


def test_pattern_and_region_of_one_number(lines, capsys):
    arguments = ["read", "a.png", "--region", "0,0,100,20", "--pattern", r"\d\d[0-3]\.\d\d"]
    assert main(arguments) == 0
    assert capsys.readouterr() == ("482.13\n", "")
    assert main([*arguments, "--csv"]) == 0
    assert rows(capsys.readouterr().out)[1:] == [["a.png", "1", "", "482.13", "0.5905", ""]]
    assert main(["read", "a.png", "--region", "0.0,0,0.5,1"]) == 0
    assert capsys.readouterr() == ("48213\n", "")


def test_no_reading_that_fits_is_reported_with_the_image(lines, capsys):
    message = r"picture must show a number that fits the pattern '\\d{4}'; it shows '48 213\n9'"
    assert main(["read", "a.png", "b.png", "--pattern", r"\d{4}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == f"mnistcnn: a.png: {message}\nmnistcnn: b.png: {message}\nmnistcnn: 2 of 2 images could not be read\n"
    )
    assert main(["read", "a.png", "--pattern", r"\d{4}", "--csv"]) == 1
    assert rows(capsys.readouterr().out)[1] == ["a.png", "1", "", "", "", message]
    assert main(["read", "a.png", "--pattern", r"\d{4}", "--json"]) == 1
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert image == {"image": "a.png", "page": 1, "text": None, "error": message}


def test_signs_are_read_on_request(lines, tmp_path, capsys):
    # Two digits of 40 pixels with a point between them.
    lines[PAGE] = lines[COUNT] = [
        [make_digit(4, box=(40, 20, 65, 60)), make_digit(2, box=(85, 20, 110, 60))]
    ]
    page = np.full((100, PAGE), 255, np.uint8)
    for left, top, right, bottom in [(40, 20, 65, 60), (85, 20, 110, 60), (72, 54, 78, 60)]:
        page[top:bottom, left:right] = 0
    Image.fromarray(page).save("signs.png")
    for flags, text in [
        ([], "42"),
        (["--signs=."], "4.2"),
        (["--signs", ","], "4,2"),
        (["--signs=-"], "42"),
    ]:
        assert main(["read", "signs.png", *flags]) == 0
        assert capsys.readouterr() == (f"{text}\n", "")
    assert main(["read", "signs.png", "--csv", "--signs=,"]) == 0
    row = rows(capsys.readouterr().out)[1]
    assert row[3] == "4,2"
    assert float(row[4]) < 0.9 * 0.9
    region = [0, 0, COUNT, 100]
    fields = [{"name": "a", "region": region}, {"name": "b", "region": region, "signs": ","}]
    (tmp_path / "fields.json").write_text(json.dumps(fields))
    for flags, texts in [([], ["42", "4,2"]), (["--signs=."], ["4.2", "4,2"])]:
        assert main(["read", "signs.png", "--fields", "fields.json", "--json", *flags]) == 0
        (image,) = json.loads(capsys.readouterr().out)["images"]
        assert [field["text"] for field in image["fields"].values()] == texts
        (sign,) = image["fields"]["b"]["signs"]
        assert (sign["label"], sign["line"], sign["position"]) == (",", 1, 1)


def test_doubtful_digits_are_dropped_or_marked(lines, capsys):
    lines[PAGE] = [[make_digit(4), make_digit(8, 0.4), make_digit(2)]]
    arguments = ["read", "a.png", "--min-confidence", "0.5"]
    for flags, text in [([], "42"), (["--doubtful", "?"], "4?2"), (["--doubtful", "_"], "4_2")]:
        assert main([*arguments, *flags]) == 0
        assert capsys.readouterr() == (f"{text}\n", "")
    assert main([*arguments, "--csv"]) == 0
    assert rows(capsys.readouterr().out)[1] == ["a.png", "1", "1", "4?2", "0.324", ""]


def test_boxes_of_all_fields(lines, saved_figures, capsys):
    assert main(["read", "a.png", "--fields", "fields.json", "--boxes", "boxes.png"]) == 0
    (figure,) = saved_figures
    assert figure.axes[0].get_title() == "16 digits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--csv", "--json"], "--csv must not be combined with --json; received both"),
        (["--fields", "fields.json", "--pattern", ""], "--fields must not be combined with --region or --pattern; received both"),
        (["--fields", "fields.json", "--region", "1,2,3,4"], "--fields must not be combined with --region or --pattern; received both"),
        (["--fields", "absent.json"], "absent.json: No such file or directory"),
        (["--fields", "a.png"], "a.png: it must be JSON; received "),
        (["--pattern", "x"], "pattern must consist of "),
        (["--region", "5,5,5,9"], "region must have left < right and top < bottom; received (5, 5, 5, 9)"),
        (["--signs", "+"], "signs must be characters among '.', ',', '-', such as '.-'; received '+'"),
        (["--doubtful", "7"], "doubtful must be one character other than a digit, '.', ',', '-' or a blank; received '7'"),
    ],
)  # fmt: skip
def test_invalid_options_are_reported_once(arguments, message, lines, capsys):
    assert main(["read", "a.png", "b.png", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mnistcnn: {message}")
    assert err.count("\n") == 1


def test_boxes_do_not_replace_the_fields_file(lines, tmp_path, capsys):
    arguments = ["read", "a.png", "--fields", "fields.json", "--boxes", "fields.json"]
    assert main(arguments) == 1
    assert "fields.json" in capsys.readouterr().err
    assert json.loads((tmp_path / "fields.json").read_text()) == FIELDS


@pytest.mark.parametrize("region", ["1,2,3", "1,2,3,x", "", "1,2,3,4,5"])
def test_other_regions_are_invalid_usage(region, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(["read", "a.png", "--region", region])
    expected = (
        f"argument --region: must be four numbers with commas between them; received '{region}'"
    )
    assert expected in capsys.readouterr().err
