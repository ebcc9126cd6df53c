"""Datasets loaded for a command."""

import signal
import subprocess
import sys

import pytest

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.data import download
from tests.helpers.http_server import change_named


def test_auto_falls_back_to_digits_with_the_reason(monkeypatch, capsys, model_file):
    mirror = download.Mirror("http://127.0.0.1:9/", {"mnist.npz": "0" * 64})
    change_named(monkeypatch, mirrors=(mirror,))
    assert main(["evaluate", model_file]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    with pytest.raises(mnistcnn.DataUnavailableError) as caught:
        mnistcnn.load_data("mnist")
    reason = str(caught.value).splitlines()[0].rstrip(":")
    assert first == f"Data: digits, 1,442 training and 355 test images; {reason}."


def test_auto_uses_mnist_if_it_is_available(
    small_mnist, write_npz, monkeypatch, capsys, model_file
):
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(small_mnist)))
    assert main(["evaluate", model_file, "--data", "auto"]) == 0
    expected = "Data: mnist, 8 training and 8 test images (available)."
    assert capsys.readouterr().out.splitlines()[0] == expected


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
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed == "\nmnistcnn: interrupted\n"
