"""The command: what it prints, what it leaves, and its exit codes."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.backend import keras
from mnistcnn.cli import train
from mnistcnn.cli.main import FORMATS, RECIPES, main
from mnistcnn.data import download, load
from mnistcnn.export import formats, parity
from mnistcnn.utils import environment
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.onnx_file import from_onnx
from mnistcnn.weights.pretrained import PRETRAINED


@pytest.fixture
def offline(monkeypatch):
    mirror = download.Mirror("http://127.0.0.1:9/", {"mnist.npz": "0" * 64})
    monkeypatch.setattr(download, "MIRRORS", (mirror,))


def test_train_does_the_whole_job(tmp_path, tiny, write_npz, capsys):
    data = str(write_npz(mnistcnn.load_data("digits")))
    assert main(["train", "--data", data, "--seed", "0", "--epochs", "2", "--output", "run"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == f"Data: {data}, 1,442 images to train on and 355 to test on (as asked)."
    assert "Trained 2 epochs in" in captured.out
    assert "run/bestmodel.keras, loaded again, on the test images:" in captured.out
    run = tmp_path / "run"
    assert sorted(path.name for path in run.iterdir()) == [
        "bestmodel.keras", "checkpoint", "confusion_matrix.png", "history.png", "result.json"
    ]  # fmt: skip
    report = json.loads((run / "result.json").read_text())
    assert report["seed"] == 0
    assert report["recipe"]["epochs"] == 2
    assert report["recipe"]["batch_size"] == 32
    assert report["data"]["train"] == 1442
    assert len(report["history"]["val_accuracy"]) == 2
    _, test = mnistcnn.load_data("digits")
    expected = mnistcnn.evaluate(run / "bestmodel.keras", *mnistcnn.preprocess(*test))
    assert report["test"] == expected.to_dict()
    assert str(expected) in captured.out
    for picture in ("history.png", "confusion_matrix.png"):
        with Image.open(run / picture) as image:
            assert min(image.size) > 400


def test_train_on_digits_takes_the_epochs_it_needs_and_says_so(capsys, monkeypatch):
    monkeypatch.setattr(train, "DIGITS_EPOCHS", 1)
    assert main(["train", "--data", "digits"]) == 0
    assert "Epochs: up to 1 in place of 5, since the set is small" in capsys.readouterr().out


def test_auto_falls_back_to_digits_and_says_why(offline, capsys, network):
    save_model(network, "a.keras")
    assert main(["evaluate", "a.keras"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        "Data: digits, 1,442 images to train on and 355 to test on "
        "(MNIST is unavailable (not cached; download failed))."
    )


def test_auto_takes_mnist_where_it_can(tiny, write_npz, monkeypatch, capsys, network):
    monkeypatch.setattr(load, "_check_md5", lambda dataset, source: dataset)
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(tiny)))
    save_model(network, "a.h5")
    assert main(["evaluate", "a.h5", "--data", "auto"]) == 0
    expected = "Data: mnist, 8 images to train on and 8 to test on (it could be had)."
    assert capsys.readouterr().out.splitlines()[0] == expected


def test_evaluate_with_json_prints_json_alone(network, tmp_path, capsys):
    save_model(network, "a.weights.h5")
    arguments = ["evaluate", "a.weights.h5", "--data", "digits", "--json", "--output", "out"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["test"]["num_images"] == 355
    assert report["model"] == "a.weights.h5"
    assert "Data: digits" in captured.err
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == report
    assert (tmp_path / "out" / "confusion_matrix.png").exists()


@pytest.mark.parametrize("name", PRETRAINED)
def test_evaluate_takes_the_shipped_weights(name, xy, capsys):
    assert main(["evaluate", name, "--data", "digits", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == name
    assert report["test"] == mnistcnn.evaluate(mnistcnn.load_pretrained(name), *xy).to_dict()


def test_help_names_the_shipped_weights(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert f"the file, or the word {' or '.join(PRETRAINED)}" in words


def test_a_file_called_as_shipped_weights_is_still_reached(tmp_path, capsys):
    """By a path; the word alone is the shipped weights even where there is such a file."""
    (tmp_path / "best").write_text("mine")
    assert main(["evaluate", "best", "--data", "digits"]) == 0
    assert main(["evaluate", "./best", "--data", "digits"]) == 1
    expected = "mnistcnn: path must end in .keras or .h5; received './best'\n"
    assert capsys.readouterr().err == expected


def test_export_writes_what_the_suffix_says(tmp_path, network, capsys):
    save_model(network, "a.keras")
    assert main(["export", "a.keras", "new/a.onnx"]) == 0
    size = (tmp_path / "new" / "a.onnx").stat().st_size
    assert capsys.readouterr().out == f"new/a.onnx: onnx, {size:,} bytes; checked against Keras.\n"
    found = from_onnx((tmp_path / "new" / "a.onnx").read_bytes())
    assert all(map(np.array_equal, found, network.get_weights()))


def test_export_takes_shipped_weights_and_counts_all_files(tmp_path, capsys):
    arguments = ["export", "best", "served", "--format", "saved_model", "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["format"], report["path"]) == ("best", "saved_model", "served")
    files = [one for one in (tmp_path / "served").rglob("*") if one.is_file()]
    assert len(files) > 2
    assert report["bytes"] == sum(one.stat().st_size for one in files)


def test_an_export_that_differs_is_one_line_and_code_1(network, capsys, monkeypatch, tmp_path):
    save_model(network, "a.keras")
    monkeypatch.setattr(parity, "FLOAT_LEAST", -1.0)
    monkeypatch.setattr(parity, "FLOAT_SHARE", -1.0)
    assert main(["export", "a.keras", "a.onnx"]) == 1
    expected = "mnistcnn: a.onnx was not written, since onnx must give Keras' probabilities within"
    assert capsys.readouterr().err.startswith(expected)
    assert [one.name for one in tmp_path.iterdir()] == ["a.keras"]


def test_an_absent_extra_is_one_line_and_code_1(network, capsys, monkeypatch):
    save_model(network, "a.keras")
    monkeypatch.setattr(environment, "find_spec", lambda module: None)
    assert main(["export", "a.keras", "a.xml"]) == 1
    expected = "the format openvino needs openvino; pip install 'mnistcnn[openvino]'"
    assert capsys.readouterr().err == f"mnistcnn: {expected}\n"


def test_train_with_json_keeps_the_progress_apart(tiny, write_npz, capsys):
    assert main(["train", "--data", str(write_npz(tiny)), "--epochs", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["data"]["train"] == 8
    assert "Epoch 1/1" in captured.err or "val_loss" in captured.err


def test_info(capsys, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", "my data.npz")
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for text in (mnistcnn.__version__, keras.__version__, "cache", "my data.npz", "documented: "):
        assert text in out
    assert main(["info", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["recipes"][0] == mnistcnn.recipes.BASELINE.to_dict()
    assert report["versions"]["keras"] == keras.__version__


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate", "absent.keras"], "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
        (["export", "absent.keras", "a.onnx"], "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"),
        (["train", "--data", "minst"], 'source must be "mnist", "digits" or the path of an existing .npz file or folder; received \'minst\''),
    ],
)  # fmt: skip
def test_an_expected_failure_is_one_line_and_code_1(arguments, line, capsys, tmp_path):
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"mnistcnn: {line}\n"
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_may_not_be_written_to_is_refused_before_training(capsys, monkeypatch):
    monkeypatch.setattr("mnistcnn.cli.train.os.access", lambda path, mode: False)
    assert main(["train", "--data", "digits", "--output", "closed"]) == 1
    line = "mnistcnn: --output must be a folder to write to; 'closed' is not\n"
    assert capsys.readouterr().err == line


def test_an_output_that_is_a_file_is_refused_before_training(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert main(["train", "--data", "digits", "--output", "taken"]) == 1
    assert capsys.readouterr().err == "mnistcnn: --output must be a folder; 'taken' is a file\n"
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_damaged_model_is_one_line_and_code_1(capsys, tmp_path):
    (tmp_path / "a.keras").write_bytes(b"PK and so on")
    assert main(["evaluate", "a.keras", "--data", "digits"]) == 1
    assert capsys.readouterr().err.startswith("mnistcnn: a.keras is not a whole Keras file: ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["evaluate"], "the following arguments are required: MODEL"),
        (["train", "--epochs", "five"], "argument --epochs: invalid integer value: 'five'"),
        (["train", "--epochs", "0"], "argument --epochs: must be at least 1; received 0"),
        (["train", "--batch-size", "-3"], "argument --batch-size: must be at least 1; received -3"),
        (["train", "--seed", "-1"], "argument --seed: must be at least 0; received -1"),
        (["train", "--recipe", "slow"], "argument --recipe: invalid choice: 'slow'"),
        (["export", "best"], "the following arguments are required: PATH"),
        (["export", "best", "a", "--format", "zip"], "argument --format: invalid choice: 'zip'"),
    ],
)
def test_usage_is_code_2(arguments, line, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert "usage: mnistcnn" in printed
    assert line in printed


def test_the_recipes_of_the_command_are_all(monkeypatch):
    assert set(RECIPES) == set(mnistcnn.recipes.RECIPES)


def test_the_formats_of_the_command_are_all():
    assert list(FORMATS) == list(formats.FORMATS)


def test_an_output_that_cannot_be_made_is_refused_before_training(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert main(["train", "--data", "digits", "--output", "taken/run"]) == 1
    assert capsys.readouterr().err.startswith("mnistcnn: ")


def test_a_keras_backend_of_the_users_does_not_matter(network):
    save_model(network, "a.keras")
    result = command("evaluate", "a.keras", "--data", "digits", KERAS_BACKEND="jax")
    assert result.stderr == ""
    assert result.returncode == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in the file system as POSIX has them")
def test_interrupt_does_not_wait_for_the_data(tmp_path):
    """A pipe in place of the file: the reader would wait for ever."""
    os.mkfifo(tmp_path / "pipe.npz")
    code = (
        "from mnistcnn.cli import main; from mnistcnn.cli import common; common.import_tensorflow = lambda: None;"
        "raise SystemExit(main.main(['train', '--data', 'pipe.npz']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed == "\nmnistcnn: interrupted\n"


def test_interrupt_is_code_130(monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(mnistcnn.data.load, "load_sklearn_digits", interrupt)
    assert main(["train", "--data", "digits"]) == 130
    assert capsys.readouterr().err == "\nmnistcnn: interrupted\n"


def command(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "mnistcnn", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **variables},
    )  # fmt: skip


def test_help_is_quick_and_without_tensorflow():
    times = []
    for _ in range(5):
        started = time.perf_counter()
        result = command("train", "--help")
        times.append(time.perf_counter() - started)
        assert result.returncode == 0
        assert result.stderr == ""
        assert "--data" in result.stdout
    assert min(times) < 0.3
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mnistcnn", "--help"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    for heavy in ("tensorflow", "keras", "numpy", "rich"):
        assert f"| {heavy}\n" not in loaded.replace(" ", "").replace("|", "| ")


def test_no_noise_reaches_the_user(network):
    """A real process: TensorFlow's start-up log stays out of both streams."""
    save_model(network, "a.keras")
    result = command("evaluate", "a.keras", "--data", "digits")
    assert result.stderr == ""
    assert result.returncode == 0
    assert result.stdout.startswith("Data: digits")
    assert result.stdout.splitlines()[1].startswith("accuracy ")


def test_no_noise_of_converters_reaches_the_user():
    result = command("export", "best", "a.onnx")
    assert result.stderr == ""
    assert result.stdout.startswith("a.onnx: onnx, ")
    if importlib.util.find_spec("ai_edge_litert"):
        result = command("export", "a.onnx", "a.tflite", "--format", "litert-int8")
        assert result.stderr == ""
        assert result.stdout.startswith("a.tflite: litert-int8, ")


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == mnistcnn.__version__


def test_fast_keeps_its_last_step(tmp_path, tiny, write_npz, capsys):
    assert main(["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--seed", "1"]) == 0
    assert "Trained 1 epoch in" in capsys.readouterr().out
    run = tmp_path / "mnistcnn-run"
    report = json.loads((run / "result.json").read_text())
    assert report["model"] == "model.keras"
    assert report["recipe"]["name"] == "fast"
    found = mnistcnn.evaluate(run / "model.keras", *mnistcnn.preprocess(*tiny.test))
    assert found.to_dict() == report["test"]


def test_fast_on_digits_says_how_many_epochs(capsys, monkeypatch):
    monkeypatch.setattr(train, "DIGITS_EPOCHS", 2)
    assert main(["train", "--data", "digits", "--recipe", "fast"]) == 0
    assert "Epochs: 2 in place of 1, since the set is small.\n" in capsys.readouterr().out


def test_keras_sees_no_scikit_learn_in_the_command_and_we_do():
    """What Keras would import only to offer it is hidden while it loads, and not after."""
    code = (
        "import sys; from mnistcnn.cli import common; common.import_tensorflow();"
        "print('sklearn' in sys.modules, 'matplotlib' in sys.modules, 'keras' in sys.modules);"
        "import sklearn, matplotlib.pyplot"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False False True\n"


def test_info_shows_what_tensorflow_is_told(monkeypatch, capsys):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert main(["info", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert set(settings) == {
        "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"
    }  # fmt: skip
    assert main(["info"]) == 0
    assert "TF_ENABLE_ONEDNN_OPTS=0" in capsys.readouterr().out
