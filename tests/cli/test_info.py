"""mnistcnn info."""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, version

import mnistcnn
from mnistcnn.backend import keras
from mnistcnn.cli.main import main


def test_info_lists_versions_data_and_recipes(capsys, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", "my data.npz")
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for text in (mnistcnn.__version__, keras.__version__, "cache", "my data.npz"):
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
    assert re.search(r"^TF_ENABLE_ONEDNN_OPTS +0 *$", capsys.readouterr().out, re.MULTILINE)


def test_recipes_are_a_table_of_the_settings_that_are_not_defaults(capsys):
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [line.split() for line in lines[lines.index("Recipes") + 1 :]]
    assert table[0] == ["setting", "baseline", "fast", "best", "robust", "finetune"]
    assert table[1] == ["epochs", "5", "1", "24", "30", "30"]
    assert ["learning_rate", "0.01", "0.004", "0.0015", "0.003"] in table
    assert ["augmentation.stroke_prob", "0.3"] in table
    assert ["teacher.augmentation.rotation", "8.0"] in table
    names = [row[0] for row in table]
    assert (
        names.index("dropout") < names.index("augmentation.rotation") < names.index("teacher.name")
    )
    assert len(set(names)) == len(names)


def test_a_long_path_is_not_cut(capsys, monkeypatch):
    path = "/data/" + "x" * 120
    monkeypatch.setenv("MNISTCNN_DATA", path)
    assert main(["info"]) == 0
    assert path in "".join(part.strip() for part in capsys.readouterr().out.split("\n"))


def test_info_needs_neither_rich_nor_keras(capsys, monkeypatch):
    def installed(name):
        if name in ("keras", "tensorflow"):
            raise PackageNotFoundError(name)
        return version(name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr("mnistcnn.utils.environment.version", installed)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^keras +not installed$", out, re.MULTILINE)
    assert re.search(r"^installed by +mnistcnn", out, re.MULTILINE)
    assert not re.search(r" $", out, re.MULTILINE)
