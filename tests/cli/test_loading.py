"""Datasets loaded for a command."""

import signal
import subprocess
import sys

import pytest

import mnistcnn
from mnistcnn.cli import loading, train
from mnistcnn.cli.main import main
from mnistcnn.data import download
from tests.helpers.http_server import change_named


@pytest.fixture
def unavailable(monkeypatch):
    """The reason why MNIST can't be downloaded."""
    mirror = download.Mirror("http://127.0.0.1:9/", {"mnist.npz": "0" * 64})
    change_named(monkeypatch, mirrors=(mirror,))
    with pytest.raises(mnistcnn.DataUnavailableError) as caught:
        mnistcnn.load_data("mnist")
    return str(caught.value).splitlines()[0].rstrip(":")


def stop_here(*arguments, **options):
    raise ValueError("stop here")


def test_training_falls_back_to_digits_with_the_reason(unavailable, monkeypatch, capsys):
    monkeypatch.setattr(train, "_fit", stop_here)
    assert main(["train"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"Data: digits, 1,442 training and 355 test images; {unavailable}."


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "best"],
        ["compare", "best", "robust"],
        ["report", "best"],
        ["plot", "confusion-matrix", "best"],
        ["plot", "digits"],
    ],
)
def test_evaluation_stops_without_mnist_and_names_the_remedy(arguments, unavailable, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *_, last = captured.err.splitlines()
    assert first == f"mnistcnn: {unavailable}:"
    assert last.startswith("Put mnist.npz or the four IDX files into ")
    assert last.endswith("; --data digits selects the small data set that works offline")
    assert "load_data" not in last


def test_evaluation_does_not_choose_the_dataset(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "best", "--data", "auto"])
    assert capsys.readouterr().err.endswith(
        "argument --data: must be mnist, digits, another name or a path, since results on "
        "different data sets are not comparable; received 'auto'\n"
    )


def test_a_mistyped_variable_is_an_error_also_in_training(monkeypatch, capsys):
    monkeypatch.setenv("MNISTCNN_DATA", "absent.npz")
    assert main(["train"]) == 1
    assert capsys.readouterr().err == (
        "mnistcnn: MNISTCNN_DATA must name an existing file or folder; received 'absent.npz'; "
        "--data digits selects the small data set that works offline\n"
    )


def test_auto_uses_mnist_if_it_is_available(small_mnist, write_npz, monkeypatch, capsys):
    monkeypatch.setattr(train, "_fit", stop_here)
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(small_mnist)))
    assert main(["train"]) == 1
    expected = "Data: mnist, 8 training and 8 test images (available)."
    assert capsys.readouterr().out.splitlines()[0] == expected


def test_a_home_folder_in_the_variable_is_an_input(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MNISTCNN_DATA", "~/mnist.npz")
    assert loading.data_files("mnist") == [tmp_path / "mnist.npz"]


TRAIN = """
import threading
import mnistcnn
from mnistcnn.cli import loading
from mnistcnn.cli.main import main
mnistcnn.load_data = lambda source: threading.Event().wait()
loading.import_tensorflow = lambda: print("ready", flush=True)
raise SystemExit(main(["train", "--data", "data.npz"]))
"""


def test_interrupt_does_not_wait_for_the_data():
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 130
    assert printed == "\nmnistcnn: interrupted\n"
