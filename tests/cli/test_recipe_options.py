"""The recipe of a command: file, single settings and options."""

import json
from pathlib import Path

import pytest

from mnistcnn import CorruptFileError
from mnistcnn.cli import sweep, train
from mnistcnn.cli.arguments import Parser, add_recipe_overrides
from mnistcnn.cli.main import main
from mnistcnn.cli.recipe_options import add_recipe_options, overrides, resolve_recipe
from mnistcnn.recipes import BASELINE, FAST, Recipe

CONFIG = """
epochs = 3
learning_rate = 0.02

[augmentation]
rotation = 10
"""


def parse(*arguments):
    parser = Parser()
    add_recipe_overrides(parser)
    add_recipe_options(parser)
    return overrides(parser.parse_args(arguments))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "mine.toml").write_text(CONFIG)
    return "mine.toml"


def test_later_settings_win(config):
    settings = parse(
        "--config", config, "--set", "learning_rate=0.003", "--set", "augmentation.shear = 4",
        "--set", "epochs=9", "--epochs", "2",
    )  # fmt: skip
    recipe = resolve_recipe("fast", settings)
    assert (recipe.name, recipe.epochs, recipe.learning_rate) == ("mine", 2, 0.003)
    assert (recipe.augmentation.rotation, recipe.augmentation.shear) == (10, 4)
    assert recipe.batch_size == FAST.batch_size
    assert resolve_recipe("best", parse("--set", "augmentation.shear=4")).augmentation.rotation == 8


def test_words_need_no_quotes_and_none_unsets():
    recipe = resolve_recipe("baseline", parse("--set", "monitor=none", "--set", "optimizer=muon"))
    assert (recipe.monitor, recipe.optimizer) == (None, "muon")
    assert resolve_recipe("best", parse("--set", "teacher=none")).teacher is None
    assert resolve_recipe("best", parse("--set", "teacher.epochs=5")).teacher.epochs == 5
    assert resolve_recipe("baseline", parse()) is BASELINE


def test_a_file_may_hold_a_whole_recipe(tmp_path):
    (tmp_path / "a.toml").write_text(
        'name = "own"\nepochs = 1\nbatch_size = 16\nmonitor = "none"\nvalidation_split = 0\nmin_delta = 0\npatience = 0\n'
    )
    recipe = resolve_recipe("baseline", parse("--config", "a.toml"))
    assert recipe == Recipe(name="own", epochs=1, batch_size=16)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("learning_rat=1", "a recipe has no setting 'learning_rat'; did you mean 'learning_rate'?"),
        ("augmentation.zoom=1", "a recipe has no setting 'augmentation.zoom'; it has rotation, shear,"),
        ("epochs=0", "epochs must be at least 1; received 0"),
        ("epochs=1.5", "a setting has the wrong type: epochs must be an integer; received 1.5"),
        ("epochs.a=1", "epochs must be one value; received a table"),
        ("augmentation.scale.x=1", "augmentation.scale must be one value; received a table"),
        ("augmentation=1", "augmentation must be a table; received 1"),
        ("teacher.teacher.epochs=1", "teacher.teacher must be one value; received a table"),
        ("teacher.augmentation.zoom=1", "a recipe has no setting 'teacher.augmentation.zoom'; it has"),
        ("epochs=" + "1" * 5000, "a setting has the wrong type: epochs must be an integer; received '111"),
        ("dropout=1", "dropout must lie in [0, 1); received 1"),
    ],
)  # fmt: skip
def test_invalid_settings_print_one_line_before_data_is_loaded(setting, message, capsys, tmp_path):
    for command in (["train"], ["sweep", "--seeds", "0"]):
        assert main([*command, "--data", "absent", "--set", setting]) == 1
        printed = capsys.readouterr().err
        assert printed.startswith(f"mnistcnn: {message}")
        assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["epochs", "=3", "a..b=3", "a.b.c.d=3"])
def test_a_setting_has_a_name_and_a_value(setting, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--set", setting])
    expected = (
        f"argument --set: must be NAME=VALUE, such as learning_rate=0.003; received {setting!r}\n"
    )
    assert capsys.readouterr().err.endswith(expected)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.json", b"{}", ValueError, "--config must end in .toml; received 'a.json'"),
        ("a.toml", b"epochs 3", CorruptFileError, "a.toml must be TOML; received Expected '=' after a key"),
        ("a.toml", b"\xff", CorruptFileError, r"a.toml must be TOML; received text that is not UTF-8"),
        ("a.toml", b"a = " + b"[" * 15_000, CorruptFileError, "a.toml must be TOML; received "),
        ("a.toml", b"a = " + b"1" * 5_000, CorruptFileError, "a.toml must be TOML; received Exceeds the limit"),
        ("a.toml", b" " * 70_000, CorruptFileError, "a.toml must hold at most 16,384 bytes"),
    ],
)  # fmt: skip
def test_other_files_are_rejected(name, content, error, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=f"^{message}"):
        parse("--config", name)


def test_a_sweep_passes_the_settings(config, monkeypatch):
    received = {}

    def stop(dataset, **options):
        received.update(options)
        raise RuntimeError("stop here")

    monkeypatch.setattr(sweep.mnistcnn, "sweep", stop)
    arguments = ["sweep", "--seeds", "0", "--data", "digits", "--config", config]
    assert main([*arguments, "--recipe", "fast", "baseline"]) == 1
    assert [(recipe.name, recipe.epochs) for recipe in received["recipe"]] == [("fast", 3), ("baseline", 3)]  # fmt: skip
    assert received["epochs"] is None
    assert main(arguments) == 1
    assert [recipe.name for recipe in received["recipe"]] == ["mine"]


def test_the_summary_says_that_training_stopped_early():
    report = {
        "recipe": {**BASELINE.to_dict(), "epochs": 40},
        "history": {"loss": [0.1] * 10},
        "training_seconds": 7.71,
    }
    expected = (
        "Trained 10 epochs in 7.7 s; stopped early at epoch 10 (no improvement for 4 epochs)."
    )
    assert train._training_summary(report) == expected
    report["recipe"]["patience"] = 1
    assert train._training_summary(report).endswith("(no improvement for 1 epoch).")
    report["recipe"]["epochs"] = 10
    assert train._training_summary(report) == "Trained 10 epochs in 7.7 s."
    report["recipe"] |= {"epochs": 40, "monitor": None}
    assert train._training_summary(report) == "Trained 10 epochs in 7.7 s."


def test_a_training_records_the_settings(tiny, write_npz, config, capsys):
    arguments = ["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--config", config]
    assert main([*arguments, "--set", "epochs=1", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    report = json.loads(Path("mnistcnn-run/result.json").read_text())
    assert report["recipe"]["name"] == "mine"
    assert (report["recipe"]["epochs"], report["recipe"]["learning_rate"]) == (1, 0.02)
    assert "--set epochs=1" in report["command"]
