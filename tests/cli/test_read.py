"""mnistcnn read."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli import common
from mnistcnn.cli.main import main
from mnistcnn.cli.read import SUFFIXES, _track_images
from mnistcnn.ocr.results import DEFAULT_MIN_CONFIDENCE


@pytest.fixture
def scan(tmp_path, page):
    """Write the page as an image file and return its name."""

    def write(name="scan.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page.picture).save(path)
        return name

    return write


def test_invalid_confidence_is_reported_once(scan, capsys):
    arguments = ["read", scan("a.png"), scan("b.png"), "--min-confidence", "90"]
    assert main(arguments) == 1
    expected = "mnistcnn: --min-confidence must lie in [0, 1); received 90.0\n"
    assert capsys.readouterr() == ("", expected)


def test_boxes_folder_may_have_a_dot_in_its_name(scan, tmp_path, capsys):
    (tmp_path / "of.2024").mkdir()
    assert main(["read", scan("a.png"), scan("b.png"), "--boxes", "of.2024"]) == 0
    names = sorted(path.name for path in (tmp_path / "of.2024").iterdir())
    assert names == ["a-boxes.png", "b-boxes.png"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("out", "quiet", "shown"),
    [
        (io.StringIO, False, True),  # text goes to a file
        (Terminal, True, True),  # with --json, text goes to standard error
        (Terminal, False, False),  # the text itself shows the progress
    ],
)
def test_progress_bar_appears_if_no_text_shows_the_progress(out, quiet, shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(common, "_PROGRESS_DELAY", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", out())
    assert list(_track_images(["a", "b"], quiet=quiet)) == ["a", "b"]
    assert ("Reading" in terminal.getvalue()) is shown
    assert "Reading" not in sys.stdout.getvalue()


@pytest.mark.parametrize(("out", "printed"), [(Terminal, r"\x1b]0;b\x07.png"), (io.StringIO, "\x1b]0;b\x07.png")])  # fmt: skip
def test_csv_shows_names_escaped_on_a_terminal_only(out, printed, scan, monkeypatch):
    path = scan("\x1b]0;b\x07.png")
    monkeypatch.setattr(sys, "stdout", out())
    assert main(["read", path, "--csv"]) == 0
    assert printed in sys.stdout.getvalue()


def test_one_image_prints_its_text_only(scan, page, capsys):
    assert main(["read", scan()]) == 0
    assert capsys.readouterr() == (f"{page.text}\n", "")


def test_blank_image_prints_nothing(tmp_path, capsys):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    assert main(["read", "blank.png"]) == 0
    assert capsys.readouterr() == ("", "")


def test_several_images_print_their_names(scan, page, capsys):
    assert main(["read", scan("b.png"), scan("a.png"), scan("b.png")]) == 0
    expected = f"==> b.png <==\n{page.text}\n\n==> a.png <==\n{page.text}\n"
    assert capsys.readouterr() == (expected, "")


@pytest.fixture
def find_images(capsys):
    """Return the images that are read, in order."""

    def find(*arguments):
        assert main(["read", *arguments, "--json"]) == 0
        return [result["image"] for result in json.loads(capsys.readouterr().out)["images"]]

    return find


def test_folder_is_expanded_to_its_images(scan, tmp_path, find_images):
    for name in ("of/b.PNG", "of/a.jpg", "of/deeper/c.png"):
        scan(name)
    (tmp_path / "of/notes.txt").write_text("no image")
    (tmp_path / "of/Thumbs.db").write_bytes(b"no image")
    assert find_images("of") == ["of/a.jpg", "of/b.PNG"]
    assert find_images(scan("z.png"), "of") == ["z.png", "of/a.jpg", "of/b.PNG"]


def test_folder_is_searched_for_all_formats(scan, find_images):
    names = [f"of/a{suffix}" for suffix in (".bmp", ".gif", ".jpg", ".ppm", ".tif", ".webp")]
    for name in names:
        assert Path(scan(name)).suffix in SUFFIXES
    assert find_images("of") == names


def test_pattern_is_expanded(scan, find_images):
    for name in ("1.png", "2.png", "3.jpg", "in/4.png", "in/deep/5.png"):
        scan(name)
    assert find_images("*.png") == ["1.png", "2.png"]
    assert find_images("[13].*", "2.png") == ["1.png", "3.jpg", "2.png"]
    assert find_images("in/**/*.png") == ["in/4.png", "in/deep/5.png"]


def test_existing_file_is_not_a_pattern(scan, find_images):
    scan("1.png")
    assert find_images(scan("[1].png")) == ["[1].png"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("*.png", "*.png must match an image; it matches none"),
        ("empty", "empty must contain an image; it contains none"),
    ],
)
def test_source_without_images_is_rejected(source, message, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["read", source]) == 1
    assert capsys.readouterr() == ("", f"mnistcnn: {message}\n")


def test_json_contains_the_reading(scan, page, recognizer, capsys):
    assert main(["read", scan("a.png"), "--json"]) == 0
    out, err = capsys.readouterr()
    expected = {"image": "a.png", **recognizer.read(page.picture).to_dict()}
    assert json.loads(out) == {"images": [expected], "failed": 0}
    assert err == ""
    assert expected["text"] == page.text


def test_unreadable_images_do_not_stop_the_remaining_ones(scan, page, tmp_path, capsys):
    (tmp_path / "b.png").write_bytes(b"no picture")
    arguments = ["read", scan("a.png"), "b.png", "absent.png", scan("c.png")]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == f"==> a.png <==\n{page.text}\n\n==> c.png <==\n{page.text}\n"
    first, second, last = err.splitlines()
    assert first.startswith("mnistcnn: b.png must be ")
    assert second == "mnistcnn: absent.png: No such file or directory"
    assert last == "mnistcnn: 2 of 4 images could not be read"

    assert main([*arguments, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == 2
    assert [result.get("text") for result in report["images"]] == [
        page.text, None, None, page.text
    ]  # fmt: skip
    assert report["images"][1]["error"].startswith("b.png must be ")


def test_single_unreadable_image_prints_one_line(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"")
    assert main(["read", "a.png"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mnistcnn: a.png must be ")
    assert err.endswith("; received 0 bytes\n")
    assert err.count("\n") == 1


def test_min_confidence_drops_digits(page, recognizer, tmp_path, capsys):
    noise = np.random.default_rng(3).normal(size=page.picture.shape)
    noisy = np.clip(page.picture + 90 * noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    reading = recognizer.read(noisy)
    threshold = float(np.median([digit.confidence for digit in reading.digits]))
    assert main(["read", "noisy.png", "--min-confidence", str(threshold)]) == 0
    out = capsys.readouterr().out
    assert out == f"{recognizer.read(noisy, min_confidence=threshold).text}\n"
    assert out != f"{reading.text}\n"


def test_weights_from_a_file(scan, page, tmp_path, capsys):
    from mnistcnn.weights.onnx_file import to_onnx
    from mnistcnn.weights.pretrained import FOLDER, PRETRAINED, load_pretrained_weights

    zeros = [
        np.zeros_like(array)
        for array in load_pretrained_weights(PRETRAINED[0]).weights(calibrated=False)
    ]
    zeros[-1][7] = 9
    (tmp_path / "sevens.onnx").write_bytes(to_onnx(zeros))
    assert main(["read", scan(), "--weights", "sevens.onnx", "--json"]) == 0
    # The page network has a say, too.
    (result,) = json.loads(capsys.readouterr().out)["images"]
    assert 7 in [digit["label"] for digit in result["digits"]]
    assert result["text"] != page.text
    for name in (PRETRAINED[0], str(FOLDER / f"{PRETRAINED[0]}.safetensors")):
        assert main(["read", scan(), "--weights", name]) == 0
        assert capsys.readouterr().out == f"{page.text}\n"


def test_unknown_weights_are_rejected_before_any_image(scan, capsys):
    assert main(["read", scan(), "--weights", "bset"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mnistcnn: weights must be ")
    assert err.endswith("; received 'bset'; did you mean 'best'?\n")


def assert_has_boxes(path):
    """The boxes are the only blue lines."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), int)
    assert min(pixels.shape[:2]) > 200
    assert np.count_nonzero(np.abs(pixels - [0x00, 0x72, 0xB2]).max(axis=2) < 10) > 200


def test_boxes_of_one_image_go_to_a_file(scan, page, tmp_path, capsys):
    assert main(["read", scan(), "--boxes", "new/out.png"]) == 0
    assert capsys.readouterr().out == f"{page.text}\n"
    assert_has_boxes(tmp_path / "new/out.png")


def test_boxes_of_several_images_go_to_a_folder(scan, tmp_path, capsys):
    assert main(["read", scan("a.png"), scan("b.jpg"), "--boxes", "new"]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "a-boxes.png",
        "b-boxes.png",
    ]
    assert_has_boxes(tmp_path / "new/b-boxes.png")
    # An existing folder also works for one image.
    assert main(["read", scan("c.png"), "--boxes", "new"]) == 0
    assert (tmp_path / "new/c-boxes.png").exists()


@pytest.mark.parametrize(
    ("boxes", "images", "message"),
    [
        ("out.png", ["a.png", "b.png"], "--boxes must be a folder for several images; received out.png"),
        ("taken", ["a.png", "b.png"], "--boxes must be a folder for several images; received taken"),
        ("out", ["a.png", "of/a.jpg"], "--boxes names its files after the images; received several images of one name"),
    ],
)  # fmt: skip
def test_invalid_boxes_path_is_rejected_before_reading(boxes, images, message, scan, capsys):
    Path("taken").write_text("mine")
    assert main(["read", *map(scan, images), "--boxes", boxes]) == 1
    assert capsys.readouterr() == ("", f"mnistcnn: {message}\n")
    assert Path("taken").read_text() == "mine"


def read_in_terminal(*arguments):
    """Run the command with its output in a terminal, and return what it prints."""
    import pty

    terminal, stdout = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistcnn", "read", *arguments],
        stdout=stdout, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(stdout)
    printed = b""
    try:
        while part := os.read(terminal, 4096):
            printed += part
    except OSError:  # Linux raises EIO when the other side is closed
        pass
    os.close(terminal)
    assert process.communicate(timeout=300)[1] == ""
    assert process.returncode == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="requires a POSIX terminal")
def test_terminal_shows_the_confidence_of_each_line(scan, page, recognizer, tmp_path):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    printed = read_in_terminal(scan(), "blank.png")
    first, blank = printed.split("\n\n==> blank.png <==\n")
    assert blank == "No digits.\n"
    heading, columns, *rows = first.splitlines()
    assert heading == "==> scan.png <=="
    assert columns.split("  ")[0] == "line"
    for part in ("text", "least confident digit", "confidence"):
        assert part in columns
    reading = recognizer.read(page.picture)
    for number, (row, line) in enumerate(zip(rows, reading.lines, strict=True), 1):
        least = min(line, key=lambda digit: digit.confidence)
        position = line.index(least) + 1
        text = "".join(str(digit.label) for digit in line)
        digit = [str(least.label), f"({position}", "of", f"{len(line)})"]
        assert row.split() == [str(number), text, *digit, f"{least.confidence:.1%}"]


def test_process_prints_text_only_and_imports_no_keras(scan, page):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mnistcnn", "read", scan()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout == f"{page.text}\n"
    imported = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert any(name.startswith("onnxruntime.") for name in imported)
    assert not imported & {"keras", "tensorflow", "matplotlib", "sklearn", "h5py"}
    assert all(line.startswith("import time:") for line in result.stderr.splitlines())


def test_the_default_confidence_is_that_of_the_library(capsys):
    with pytest.raises(SystemExit):
        main(["read", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"drop digits with a lower confidence (default: {DEFAULT_MIN_CONFIDENCE})" in printed
