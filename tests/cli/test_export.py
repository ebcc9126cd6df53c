"""mnistcnn export."""

import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from mnistcnn.cli.export import FORMATS
from mnistcnn.cli.main import main
from mnistcnn.export import formats, parity
from mnistcnn.utils import requirements
from mnistcnn.weights.onnx_file import from_onnx


def test_formats_match_the_package():
    assert list(FORMATS) == list(formats.FORMATS)


def test_suffix_selects_the_format(tmp_path, model_file, network, capsys):
    assert main(["export", model_file, "new/a.onnx"]) == 0
    size = (tmp_path / "new" / "a.onnx").stat().st_size
    expected = f"new/a.onnx: onnx, {size:,} bytes; verified against Keras.\n"
    assert capsys.readouterr().out == expected
    weights = from_onnx((tmp_path / "new" / "a.onnx").read_bytes())
    assert all(map(np.array_equal, weights, network.get_weights()))


def test_pretrained_weights_are_exported_and_all_files_counted(tmp_path, capsys):
    arguments = ["export", "best", "served", "--format", "saved_model", "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["format"], report["path"]) == ("best", "saved_model", "served")
    files = [path for path in (tmp_path / "served").rglob("*") if path.is_file()]
    assert len(files) > 2
    assert report["bytes"] == sum(path.stat().st_size for path in files)


def test_different_outputs_write_no_file(model_file, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(parity, "FLOAT32_ATOL", -1.0)
    monkeypatch.setattr(parity, "FLOAT32_RTOL", -1.0)
    assert main(["export", model_file, "a.onnx"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("mnistcnn: a.onnx ")
    assert "must match Keras' probabilities within" in printed
    assert [path.name for path in tmp_path.iterdir()] == [model_file]


def test_missing_extra_prints_the_install_command(model_file, capsys, monkeypatch):
    found = requirements.find_spec
    monkeypatch.setattr(
        requirements, "find_spec", lambda module: None if module == "openvino" else found(module)
    )
    assert main(["export", model_file, "a.xml"]) == 1
    printed = capsys.readouterr().err
    assert printed.endswith("openvino needs openvino; pip install 'mnistcnn[openvino]'\n")
    assert printed.count("\n") == 1


EXPORT = """
import sys
from mnistcnn.cli.main import main
for arguments in (["best", "a.onnx"], ["a.onnx", "a.tflite", "--format", "litert-int8"]):
    if main(["export", *arguments]):
        sys.exit(1)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("ai_edge_litert"), reason="ai-edge-litert is not installed"
)
def test_converters_print_nothing():
    result = subprocess.run(
        [sys.executable, "-c", EXPORT], capture_output=True, text=True, check=True
    )
    # A line of the converter to 8 bits that can't be dropped.
    assert re.fullmatch("(fully_quantize: .*\n)?", result.stderr)
    onnx, litert = result.stdout.splitlines()
    assert onnx.startswith("a.onnx: onnx, ")
    assert litert.startswith("a.tflite: litert-int8, ")
