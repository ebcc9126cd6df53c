"""The command as a whole: usage, exit codes, start-up time and its output streams."""

import io
import json
import os
import subprocess
import sys

import pytest

import mnistcnn
from mnistcnn.cli import loading
from mnistcnn.cli.main import main
from mnistcnn.utils import stderr

MODEL_ERROR = "MODEL must be an existing file or one of 'best', 'robust'; received 'absent.keras'"
DATA_ERROR = 'source must be "digits", "mnist", "fashion_mnist", "kmnist", "emnist-digits", "emnist-letters", "emnist-balanced", "qmnist", "usps" or the path of an existing file or folder; received \'minst\'; did you mean \'mnist\'?'


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == mnistcnn.__version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["trian"], "'info'); did you mean 'train'?"),
        (["train", "--recipe", "fsat"], "'finetune'); did you mean 'fast'?"),
        (["train", "--recipie", "fast"], "unrecognized arguments: --recipie; did you mean '--recipe'?"),
        (["train", "--zzz"], "unrecognized arguments: --zzz"),
        (["evaluate", "best", "-q", "-v"], "argument -v/--verbose: not allowed with argument -q/--quiet"),
        (["evaluate"], "the following arguments are required: MODEL"),
        (["train", "--epochs", "five"], "argument --epochs: invalid integer value: 'five'"),
        (["train", "--epochs", "0"], "argument --epochs: must be at least 1; received 0"),
        (["train", "--batch-size", "-3"], "argument --batch-size: must be at least 1; received -3"),
        (["train", "--seed", "-1"], "argument --seed: must be at least 0; received -1"),
        (["train", "--recipe", "slow"], "argument --recipe: invalid choice: 'slow'"),
        (["train", "--resume", "--restart"], "not allowed with argument --resume"),
        (["export", "best"], "the following arguments are required: PATH"),
        (["export", "best", "a", "--format", "zip"], "argument --format: invalid choice: 'zip'"),
        (["plot", "cake"], "invalid choice: 'cake'"),
        (["plot", "history"], "the following arguments are required: RUN"),
        (["plot", "activations", "best", "--image", "-1"], "argument --image: must be at least 0; received -1"),
        (["plot", "misclassified", "best", "--max-images", "0"], "argument --max-images: must be at least 1; received 0"),
        (["compare", "best"], "the following arguments are required: B"),
        (["report"], "the following arguments are required: MODEL"),
        (["read", "a.png", "--min-confidence", "half"], "argument --min-confidence: invalid float value: 'half'"),
        (["sweep"], "the following arguments are required: --seeds"),
        (["sweep", "--seeds", "0", "--ray", "auto", "--processes", "2"], "not allowed with argument"),
    ],
)  # fmt: skip
def test_invalid_usage_exits_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert "usage: mnistcnn" in printed
    assert message in printed


def test_arguments_are_escaped_in_errors(capsys):
    """A pattern such as * is any names of files, some of which may look like options."""
    with pytest.raises(SystemExit):
        main(["read", "a.png", "-\x1b]0;owned\x07\nforged" + "x" * 100_000])
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(r"mnistcnn: error: unrecognized arguments: -\x1b]0;owned\x07\nforgedx")
    assert len(line) < 2100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "absent.keras"], MODEL_ERROR),
        (["export", "absent.keras", "a.onnx"], MODEL_ERROR),
        (["plot", "filters", "absent.keras"], MODEL_ERROR),
        (["plot", "activations", "absent.keras"], MODEL_ERROR),
        (["plot", "misclassified", "absent.json"], "absent.json must be an existing file; it is absent"),
        (["plot", "digits", "--output", "a.txt"], "--output must end in .png or .svg or .pdf; received 'a.txt'"),
        (["train", "--data", "minst"], DATA_ERROR),
        (["evaluate", "bset"], "MODEL must be an existing file or one of 'best', 'robust'; received 'bset'; did you mean 'best'?"),
        (["export", "best", "a.keras"], "path must end in .onnx or .safetensors or .tflite or .xml, or have no suffix for a SavedModel folder; received 'a.keras'"),
        (["export", "best", "a.onnx", "--format", "openvino"], "path must end in .xml for the format openvino; received 'a.onnx'"),
        (["read", "a.png", "--boxes", "a.txt"], "--boxes must end in .png or .jpg or .jpeg or .svg or .pdf; received 'a.txt'"),
        (["read", "a.png", "--weights", "bset"], "weights must be 'best', 'robust' or a file that ends in .keras or .h5 or .onnx or .safetensors; received 'bset'; did you mean 'best'?"),
        (["read", "a.png"], "a.png: No such file or directory"),
    ],
)  # fmt: skip
def test_failure_prints_one_line_and_exits_with_1(arguments, message, capsys, tmp_path):
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"mnistcnn: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_suffixes_are_checked_before_data_and_tensorflow_are_loaded(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(mnistcnn, "load_data", None)
    monkeypatch.setattr(loading, "import_tensorflow", None)
    (tmp_path / "model.txt").write_text("")
    expected = (
        "mnistcnn: MODEL must end in .keras or .h5 or .onnx or .safetensors; received 'model.txt'\n"
    )
    for arguments in (
        ["evaluate"],
        ["report"],
        ["compare", "best"],
        ["plot", "calibration"],
        ["plot", "filters"],
    ):
        assert main([*arguments, "model.txt"]) == 1
        assert capsys.readouterr().err == expected
    assert main(["export", "model.txt", "a.onnx"]) == 1
    assert capsys.readouterr().err == expected
    assert main(["export", "best", "a.txt"]) == 1
    assert "path must end in .onnx or" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["plot"]])
def test_a_command_without_its_subcommand_prints_help(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {' '.join(['mnistcnn', *arguments])} [-h]")
    assert "evaluate" in printed or "calibration" in printed


def test_quiet_prints_errors_only_and_verbose_the_traceback(save_result, capsys):
    save_result("a.json")
    assert main(["compare", "a.json", "a.json", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["compare", "a.json", "a.json", "-q", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["a"] == "a.json"
    assert captured.err == ""
    assert main(["compare", "a.json", "b.json", "--quiet"]) == 1
    expected = "mnistcnn: b.json must be an existing file; it is absent\n"
    assert capsys.readouterr().err == expected
    assert main(["compare", "a.json", "b.json", "-v"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):\n")
    assert printed.endswith(
        f"FileNotFoundError: b.json must be an existing file; it is absent\n{expected}"
    )


def test_quiet_keeps_what_a_command_is_called_for(capsys):
    assert main(["info", "-q"]) == 0
    assert capsys.readouterr().out
    assert main(["data", "digits", "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "digits"


def test_quiet_hides_progress(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert stderr.is_terminal()
    with stderr.hidden_progress():
        assert not stderr.is_terminal()
    assert stderr.is_terminal()


def test_connection_error_prints_one_line_and_exits_with_1(capsys, monkeypatch):
    def raise_error(options):
        raise ConnectionError("worker 2 must connect within 600 s")

    monkeypatch.setattr("mnistcnn.cli.info.run", raise_error)
    assert main(["info"]) == 1
    assert capsys.readouterr() == ("", "mnistcnn: worker 2 must connect within 600 s\n")


def test_damaged_model_prints_one_line_and_exits_with_1(capsys, tmp_path):
    (tmp_path / "a.keras").write_bytes(b"PK and so on")
    assert main(["evaluate", "a.keras", "--data", "digits"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("mnistcnn: a.keras ")
    assert printed.count("\n") == 1


def test_interrupt_exits_with_130(monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(mnistcnn.data.load, "load_sklearn_digits", interrupt)
    assert main(["train", "--data", "digits"]) == 130
    assert capsys.readouterr().err == "\nmnistcnn: interrupted\n"


def test_help_is_quick_and_imports_no_large_library():
    times = []
    for _ in range(5):
        before = os.times()
        result = subprocess.run(
            [sys.executable, "-m", "mnistcnn", "train", "--help"],
            capture_output=True, text=True, check=True,
            # Without the time that the measurement of coverage takes.
            env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        )  # fmt: skip
        after = os.times()
        times.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
        assert result.stderr == ""
        assert "--data" in result.stdout
    assert min(times) < 0.3
    importtime = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mnistcnn", "--help"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    imported = {line.split("|")[-1].strip() for line in importtime.splitlines()}
    assert "mnistcnn.cli.train" in imported
    assert not imported & {"tensorflow", "keras", "numpy", "rich", "matplotlib"}


WITHOUT_KERAS = """
import sys
from mnistcnn.cli.main import main
for arguments in (
    ["plot", "digits", "--data", "digits"],
    ["plot", "confusion-matrix", "a.json"],
    ["compare", "a.json", "a.json"],
):
    assert main(arguments) == 0
assert "keras" not in sys.modules
"""


def test_saved_evaluations_and_datasets_need_no_keras(save_result):
    save_result("a.json")
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS], capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert result.returncode == 0
    assert "digits.png: digits\n" in result.stdout


EVALUATE = """
import sys
from mnistcnn.cli import loading
from mnistcnn.cli.main import main
loading.import_tensorflow()
print(*(name in sys.modules for name in ("keras", "sklearn", "matplotlib")))
import sklearn, matplotlib.pyplot
raise SystemExit(main(["evaluate", "a.keras", "--data", "digits"]))
"""


def test_process_prints_results_only(model_file):
    """No start-up log of TensorFlow; other Keras backends have no effect.

    Keras does not import scikit-learn and Matplotlib, which remain importable.
    """
    result = subprocess.run(
        [sys.executable, "-c", EVALUATE],
        capture_output=True, text=True, check=False, env={**os.environ, "KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert result.stderr == ""
    assert result.returncode == 0
    imported, data, accuracy, *_ = result.stdout.splitlines()
    assert imported == "True False False"
    assert data.startswith("Data: digits")
    assert accuracy.startswith("accuracy ")
