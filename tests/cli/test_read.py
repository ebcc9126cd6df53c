"""``mnistcnn read``: what it prints, what it leaves, and its exit codes."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistcnn import Recognizer
from mnistcnn.cli.main import main
from mnistcnn.cli.read import SUFFIXES, _track_images


@pytest.fixture
def scan(tmp_path, page):
    """Write the page under a name, and return the name."""

    def write(name="scan.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page.picture).save(path)
        return name

    return write


def test_an_unlawful_probability_is_refused_once_and_by_its_option(scan, capsys):
    arguments = ["read", scan("a.png"), scan("b.png"), "--min-confidence", "90"]
    assert main(arguments) == 1
    expected = "mnistcnn: --min-confidence must lie in [0, 1); received 90.0\n"
    assert capsys.readouterr() == ("", expected)


def test_a_folder_for_boxes_may_have_a_dot_in_its_name(scan, tmp_path, capsys):
    (tmp_path / "of.2024").mkdir()
    assert main(["read", scan("a.png"), scan("b.png"), "--boxes", "of.2024"]) == 0
    found = sorted(path.name for path in (tmp_path / "of.2024").iterdir())
    assert found == ["a-boxes.png", "b-boxes.png"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("out", "quiet", "shown"),
    [
        (io.StringIO, False, True),  # texts on their way to a file
        (Terminal, True, True),  # --json sends to standard error what else is printed
        (Terminal, False, False),  # the texts themselves show how far it is
    ],
)
def test_progress_is_shown_where_nothing_else_shows_it(out, quiet, shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", out())
    assert list(_track_images(["a", "b"], quiet=quiet)) == ["a", "b"]
    assert ("Reading" in terminal.getvalue()) is shown
    assert "Reading" not in sys.stdout.getvalue()


def test_one_picture_is_its_text_alone(scan, page, capsys):
    assert main(["read", scan()]) == 0
    assert capsys.readouterr() == (f"{page.text}\n", "")


def test_a_blank_page_has_no_text(tmp_path, capsys):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    assert main(["read", "blank.png"]) == 0
    assert capsys.readouterr() == ("", "")


def test_many_pictures_are_named(scan, page, capsys):
    assert main(["read", scan("b.png"), scan("a.png"), scan("b.png")]) == 0
    expected = f"==> b.png <==\n{page.text}\n\n==> a.png <==\n{page.text}\n"
    assert capsys.readouterr() == (expected, "")


def names(capsys, *arguments):
    """What was read, in order, by ``--json``."""
    assert main(["read", *arguments, "--json"]) == 0
    return [result["picture"] for result in json.loads(capsys.readouterr().out)["pictures"]]


def test_a_folder_stands_for_its_pictures(scan, tmp_path, capsys):
    for name in ("of/b.PNG", "of/a.jpg", "of/deeper/c.png"):
        scan(name)
    (tmp_path / "of/notes.txt").write_text("no picture")
    (tmp_path / "of/Thumbs.db").write_bytes(b"none either")
    assert names(capsys, "of") == ["of/a.jpg", "of/b.PNG"]
    assert names(capsys, scan("z.png"), "of") == ["z.png", "of/a.jpg", "of/b.PNG"]


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp", ".bmp", ".gif", ".ppm"])
def test_a_folder_is_looked_through_for_every_format(suffix, scan, capsys):
    assert suffix in SUFFIXES
    scan(f"of/a{suffix}")
    assert names(capsys, "of") == [f"of/a{suffix}"]


def test_a_pattern_stands_for_what_it_matches(scan, capsys):
    for name in ("1.png", "2.png", "3.jpg", "in/4.png", "in/deep/5.png"):
        scan(name)
    assert names(capsys, "*.png") == ["1.png", "2.png"]
    assert names(capsys, "[13].*", "2.png") == ["1.png", "3.jpg", "2.png"]
    assert names(capsys, "in/**/*.png") == ["in/4.png", "in/deep/5.png"]


def test_a_file_that_is_called_like_a_pattern_is_that_file(scan, capsys):
    scan("1.png")
    assert names(capsys, scan("[1].png")) == ["[1].png"]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("*.png", "*.png must match a picture; it matches none"),
        ("empty", "empty must hold a picture; it holds none"),
    ],
)
def test_no_picture_at_all_is_one_line_and_code_1(word, line, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["read", word]) == 1
    assert capsys.readouterr() == ("", f"mnistcnn: {line}\n")


def test_json_is_the_reading(scan, page, recognizer, capsys):
    assert main(["read", scan("a.png"), "--json"]) == 0
    out, err = capsys.readouterr()
    expected = {"picture": "a.png", **Recognizer().read(page.picture).to_dict()}
    assert json.loads(out) == {"pictures": [expected], "failed": 0}
    assert err == ""
    assert expected["text"] == page.text


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(scan, page, tmp_path, capsys):
    (tmp_path / "b.png").write_bytes(b"no picture")
    arguments = ["read", scan("a.png"), "b.png", "absent.png", scan("c.png")]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == f"==> a.png <==\n{page.text}\n\n==> c.png <==\n{page.text}\n"
    first, second, last = err.splitlines()
    assert first.startswith("mnistcnn: b.png must be a picture of a known format: ")
    assert second == "mnistcnn: [Errno 2] No such file or directory: 'absent.png'"
    assert last == "mnistcnn: 2 of 4 pictures could not be read"

    assert main([*arguments, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == 2
    assert [result.get("text") for result in report["pictures"]] == [
        page.text,
        None,
        None,
        page.text,
    ]
    assert report["pictures"][1]["error"].startswith("b.png must be a picture")


def test_one_picture_that_cannot_be_read_is_one_line(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"")
    assert main(["read", "a.png"]) == 1
    assert capsys.readouterr() == ("", "mnistcnn: a.png must be a picture; it holds 0 bytes\n")


def test_digits_of_less_probability_are_left_out(scan, page, tmp_path, capsys):
    noise = np.random.default_rng(3).normal(size=page.picture.shape)
    noisy = np.clip(page.picture + 90 * noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    reading = Recognizer().read(noisy)
    least = float(np.median([digit.confidence for digit in reading.digits]))
    assert main(["read", "noisy.png", "--min-confidence", str(least)]) == 0
    found = capsys.readouterr().out
    assert found == f"{Recognizer().read(noisy, min_confidence=least).text}\n"
    assert found != f"{reading.text}\n"


def test_weights_of_the_users_own(scan, page, tmp_path, capsys):
    from mnistcnn.weights.onnx_file import to_onnx
    from mnistcnn.weights.pretrained import FOLDER, PRETRAINED, load_pretrained_weights

    zeros = [
        np.zeros_like(array)
        for array in load_pretrained_weights(PRETRAINED[0]).weights(calibrated=False)
    ]
    zeros[-1][7] = 9
    (tmp_path / "sevens.onnx").write_bytes(to_onnx(zeros))
    assert main(["read", scan(), "--weights", "sevens.onnx"]) == 0
    assert set(capsys.readouterr().out) == {"7", "\n"}
    for name in (PRETRAINED[0], str(FOLDER / f"{PRETRAINED[0]}.safetensors")):
        assert main(["read", scan(), "--weights", name]) == 0
        assert capsys.readouterr().out == f"{page.text}\n"


def test_other_weights_are_refused_before_a_picture_is_read(scan, capsys):
    assert main(["read", scan(), "--weights", "bset"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mnistcnn: weights must be ")
    assert err.endswith("; received 'bset'\n")


def assert_has_boxes(path):
    """Its blue is the boxes' alone."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), int)
    assert min(pixels.shape[:2]) > 200
    assert np.count_nonzero(np.abs(pixels - [0x00, 0x72, 0xB2]).max(axis=2) < 10) > 200


def test_boxes_of_one_picture_go_to_a_file(scan, page, tmp_path, capsys):
    assert main(["read", scan(), "--boxes", "new/out.png"]) == 0
    assert capsys.readouterr().out == f"{page.text}\n"
    assert_has_boxes(tmp_path / "new/out.png")


def test_boxes_go_to_a_folder(scan, tmp_path, capsys):
    assert main(["read", scan("a.png"), scan("b.jpg"), "--boxes", "new"]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "a-boxes.png",
        "b-boxes.png",
    ]
    assert_has_boxes(tmp_path / "new/b-boxes.png")
    # One picture too, if there is such a folder.
    assert main(["read", scan("c.png"), "--boxes", "new"]) == 0
    assert (tmp_path / "new/c-boxes.png").exists()


def test_boxes_never_replace_a_picture_that_is_read(scan, tmp_path, capsys):
    place = scan("a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert main(["read", place, "--boxes", "./a.png"]) == 1
    expected = "mnistcnn: --boxes must not be a picture that is read; received a.png\n"
    assert capsys.readouterr().err == expected
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize(
    ("boxes", "pictures", "line"),
    [
        ("out.png", ["a.png", "b.png"], "--boxes must be a folder for several pictures; received out.png"),
        ("taken", ["a.png", "b.png"], "--boxes must be a folder for several pictures; received taken"),
        ("out", ["a.png", "of/a.jpg"], "--boxes needs pictures of different names, since it calls its own so"),
    ],
)  # fmt: skip
def test_boxes_without_a_place_are_refused_before_reading(boxes, pictures, line, scan, capsys):
    Path("taken").write_text("mine")
    assert main(["read", *map(scan, pictures), "--boxes", boxes]) == 1
    assert capsys.readouterr() == ("", f"mnistcnn: {line}\n")
    assert Path("taken").read_text() == "mine"


def test_a_number_that_is_none_is_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["read", "a.png", "--min-confidence", "half"])
    assert caught.value.code == 2
    assert "argument --min-confidence: invalid float value: 'half'" in capsys.readouterr().err


def in_a_terminal(*arguments):
    """Run the command with its output in a terminal, and return what is printed there."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistcnn", "read", *arguments],
        stdout=theirs, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux ends a terminal whose other side is closed
        pass
    os.close(ours)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals as POSIX has them")
def test_a_terminal_shows_how_sure_each_line_is(scan, page, tmp_path):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    shown = in_a_terminal(scan(), "blank.png")
    first, blank = shown.split("\n\n==> blank.png <==\n")
    assert blank == "No digits.\n"
    heading, columns, *rows = first.splitlines()
    assert heading == "==> scan.png <=="
    assert columns.split("  ")[0] == "line"
    for part in ("text", "least confident digit", "confidence"):
        assert part in columns
    reading = Recognizer().read(page.picture)
    for number, (row, line) in enumerate(zip(rows, reading.lines, strict=True), 1):
        least = min(line, key=lambda digit: digit.confidence)
        place = line.index(least) + 1
        text = "".join(str(digit.label) for digit in line)
        which = [str(least.label), f"({place}", "of", f"{len(line)})"]
        assert row.split() == [str(number), text, *which, f"{least.confidence:.1%}"]


def test_a_process_of_its_own_prints_text_and_no_more(scan, page):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mnistcnn", "read", scan()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout == f"{page.text}\n"
    loaded = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert any(name.startswith("onnxruntime.") for name in loaded)
    assert not loaded & {"keras", "tensorflow", "matplotlib", "sklearn", "h5py"}
    assert all(line.startswith("import time:") for line in result.stderr.splitlines())
