"""The example programs run, say what they do, and leave what they promise."""

import pathlib
import runpy
import sys

import pytest

from mnistcnn import _download

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


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


def test_whole_pipeline(run, tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "MIRRORS", ())
    out = run("whole_pipeline.py", "--epochs", "1", "--output", "here")
    assert out.startswith("Data: digits, since MNIST is not to be had: the cache holds no whole")
    assert "accuracy " in out
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "bestmodel.keras", "confusion_matrix.png", "history.png"
    ]  # fmt: skip


def test_your_own_data(run, tmp_path):
    out = run("your_own_data.py", "--epochs", "1")
    assert len(list((tmp_path / "my-digits").iterdir())) == 4
    assert "1442 images to train on, 355 to test on" in out
    assert "accuracy " in out


def test_your_own_callbacks(run, tmp_path):
    out = run("your_own_callbacks.py", "--epochs", "6", "--goal", "0.5")
    assert "is enough" in out
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert 1 < len(lines) < 7


def test_read_a_picture(run, tmp_path, digits):
    out = run("read_a_picture.py").splitlines()
    true = "".join(str(label) for label in digits.test.labels[:24])
    said = out[1:4]
    assert out[0] == "drew page.png"
    assert [len(line) for line in said] == [8, 8, 8]
    assert sum(a == b for a, b in zip("".join(said), true, strict=True)) >= 21
    assert (tmp_path / "seen.png").stat().st_size > 10_000
