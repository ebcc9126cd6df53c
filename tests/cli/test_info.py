"""mnistcnn info."""

import json

import mnistcnn
from mnistcnn.backend import keras
from mnistcnn.cli.main import main


def test_info_lists_versions_data_and_recipes(capsys, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", "my data.npz")
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for text in (mnistcnn.__version__, keras.__version__, "cache", "my data.npz", "baseline: "):
        assert text in out
    assert main(["info", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recipes"][0] == mnistcnn.recipes.BASELINE.to_dict()
    assert report["versions"]["keras"] == keras.__version__


def test_info_lists_the_settings_of_tensorflow(monkeypatch, capsys):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert main(["info", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert set(settings) == {
        "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"
    }  # fmt: skip
    assert main(["info"]) == 0
    assert "TF_ENABLE_ONEDNN_OPTS=0" in capsys.readouterr().out
