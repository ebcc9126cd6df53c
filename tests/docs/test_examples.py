"""The example programs run, say what they do, and leave what they promise."""

import pathlib
import re
import runpy
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import mnistcnn
from mnistcnn.data import download

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
gallery = SimpleNamespace(**runpy.run_path(str(ROOT / "docs/_ext/gallery.py")))


@pytest.fixture
def run(monkeypatch, capsys):
    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_every_example_is_tested_and_listed():
    listed = (EXAMPLES / "README.md").read_text()
    tested = pathlib.Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f"`{path.name}`" in listed
        assert f'run("{path.name}"' in tested


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_is_a_page_of_the_gallery(path, tmp_path):
    """It has a title, parts with words between them, and a figure to show."""
    title, rule, *_ = path.read_text().removeprefix('"""\n').splitlines()
    assert rule == "=" * len(title)
    assert path.read_text().count("\n# %%\n") >= 2
    assert ".savefig(" in path.read_text()
    assert path.name in {copy.name for copy in pathlib.Path(gallery.copied(tmp_path)).iterdir()}


def test_the_gallery_is_in_the_order_of_the_list():
    listed = re.findall(r"`(\w+\.py)`", (EXAMPLES / "README.md").read_text())
    assert sorted(listed, key=gallery.place) == listed
    assert len(listed) == len(list(EXAMPLES.glob("*.py")))


def test_the_gallery_trains_on_what_needs_no_network():
    program = {"src_file": str(EXAMPLES / "baseline_pipeline.py")}
    assert gallery.arguments({}, program)[:2] == ["--data", "digits"]
    assert gallery.arguments({}, {"src_file": "read_image.py"}) == []


def test_whole_pipeline(run, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", ())
    out = run("baseline_pipeline.py", "--epochs", "1", "--output", "here", "--quiet")
    assert out.startswith("Data: digits: MNIST is unavailable (not cached; download failed)")
    assert "Epoch" not in out
    assert "accuracy " in out
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "bestmodel.keras", "confusion_matrix.png", "history.png"
    ]  # fmt: skip


def test_your_own_data(run, tmp_path):
    out = run("custom_data.py", "--epochs", "1")
    assert len(list((tmp_path / "my-digits").iterdir())) == 4
    assert "1442 images to train on, 355 to test on" in out
    assert "accuracy " in out
    assert (tmp_path / "look.png").stat().st_size > 5_000


def test_your_own_callbacks(run, tmp_path):
    out = run("custom_callback.py", "--epochs", "6", "--goal", "0.5")
    assert "is enough" in out
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert 1 < len(lines) < 7


def test_read_a_picture(run, tmp_path, digits):
    out = run("read_image.py").splitlines()
    true = "".join(str(label) for label in digits.test.labels[:24])
    said = out[1:4]
    assert out[0] == "drew page.png"
    assert [len(line) for line in said] == [8, 8, 8]
    assert sum(a == b for a, b in zip("".join(said), true, strict=True)) >= 21
    assert (tmp_path / "seen.png").stat().st_size > 10_000


def test_leave_the_doubtful(run, tmp_path):
    out = run("reject_low_confidence.py")
    answered, wrong = zip(
        *re.findall(r"([\d.]+)% answered, ([\d.]+)% of them wrong", out), strict=True
    )
    assert sorted(answered, key=float) == list(answered)  # the less sure, the more answers
    assert sorted(wrong, key=float) == list(wrong)  # and the more of them are wrong
    assert len(answered) == 3
    for name in ("doubt.png", "doubtful.png"):
        assert (tmp_path / name).stat().st_size > 5_000


def test_clean_or_damaged(run):
    best, robust = (
        [int(share) for share in re.findall(r"(\d+)%", line)]
        for line in run("clean_vs_degraded.py").splitlines()
    )
    assert best[0] > 90
    assert all(one > other for one, other in zip(robust[1:], best[1:], strict=True))


def test_moved_digits(run):
    still, moving = (
        [int(share) for share in re.findall(r"(\d+)%", line)]
        for line in run("augmentation.py").splitlines()
    )
    assert min(still[0], moving[0]) > 90
    assert moving[4] > still[4] + 30


def test_onnx_inference(run, tmp_path):
    out = run("onnx_inference.py")
    size, right = re.search(r"digits\.onnx: (\d+) KiB\n([\d.]+)% right", out).groups()
    assert int(size) == round((tmp_path / "digits.onnx").stat().st_size / 1024)
    assert float(right) > 90


def test_batch_inference(run, tmp_path):
    out = run("batch_inference.py", "--images", "4500", "--actors", "0")
    doubtful = int(
        re.fullmatch(r"4,500 images, ([\d,]+) of them doubtful\n", out)[1].replace(",", "")
    )
    (digits, _), _ = mnistcnn.load_data("digits")
    numbers = np.arange(4500)
    ink = 0.4 + numbers * 7 % 61 / 100
    images = digits[numbers % len(digits)] * ink[:, np.newaxis, np.newaxis]
    sure = mnistcnn.Recognizer().predict_proba(images.astype(np.uint8)).max(axis=1)
    assert doubtful == np.count_nonzero(sure < 0.9) > 0
    assert (tmp_path / "batch_inference.png").stat().st_size > 5_000
