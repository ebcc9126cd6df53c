"""mnistcnn train: interrupted and resumed runs."""

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli import common
from mnistcnn.cli.main import main
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.checkpoint.file_format import STATE_FILE, describe_position

posix = pytest.mark.skipif(sys.platform == "win32", reason="requires POSIX signals")
TRAIN = ("train", "--data", "digits", "--seed", "3", "--epochs", "6", "--recipe", "fast")
STATE = Path("run/checkpoint", STATE_FILE)


@pytest.fixture(scope="module", autouse=True)
def _no_figures():
    """Drawing figures takes longer than training."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(common, "save_figure", lambda path, figure: None)
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Weights and history of a run without interrupts."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert main([*TRAIN, "--output", str(folder)]) == 0
    return results(folder)


def results(folder):
    history = json.loads(Path(folder, "result.json").read_text())["history"]
    return mnistcnn.load_model(Path(folder, "model.keras")).get_weights(), history


def assert_resumes(printed, uninterrupted, capsys):
    """The message names position and command; resuming gives the weights of the whole run."""
    position = describe_position(STATE.parent)
    command = " ".join(["mnistcnn", *TRAIN, "--output", "run", "--resume"])
    assert printed == (
        f"\nmnistcnn: interrupted at {position}; progress is saved. To resume:\n{command}\n"
    )
    assert main([*TRAIN, "--output", "run"]) == 1
    assert capsys.readouterr().err == (
        f"mnistcnn: run holds an unfinished training run, at {position}; "
        "--resume continues it, --restart starts from scratch\n"
    )
    assert main([*TRAIN, "--output", "run", "--resume"]) == 0
    assert "Trained 6 epochs in" in capsys.readouterr().out
    (weights, history), (expected_weights, expected_history) = results("run"), uninterrupted
    assert all(map(np.array_equal, weights, expected_weights))
    assert history == expected_history


@posix
@pytest.mark.parametrize(
    ("number", "code", "sigint_handler"),
    [
        pytest.param(signal.SIGINT, 130, signal.default_int_handler, id="Ctrl-C"),
        # A background job of a shell.
        pytest.param(
            signal.SIGTERM,
            143,
            signal.SIG_IGN,
            id="SIGTERM in the background",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_interrupted_run_resumes_exactly(number, code, sigint_handler, uninterrupted, capsys):
    def interrupt():
        while not STATE.exists():
            time.sleep(0.002)
        signal.pthread_kill(threading.main_thread().ident, number)

    signal.signal(signal.SIGINT, sigint_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    assert main([*TRAIN, "--output", "run"]) == code
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert_resumes(capsys.readouterr().err, uninterrupted, capsys)


@posix
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "prefix"),
    [
        (signal.SIGINT, 130, []),
        (signal.SIGTERM, 143, []),
        (signal.SIGTERM, 143, ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGTERM in the background"],
)
def test_interrupted_process_resumes_exactly(number, code, prefix, uninterrupted, capsys):
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "mnistcnn", *TRAIN, "--output", "run"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not STATE.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == code, printed
    assert_resumes(printed, uninterrupted, capsys)


def test_resume_and_restart_without_an_unfinished_run(tiny, write_npz, capsys):
    arguments = ["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--epochs", "1"]
    result = Path("mnistcnn-run/result.json")
    assert main([*arguments, "--resume"]) == 0  # nothing to resume: starts a run
    first = json.loads(result.read_text())
    assert main([*arguments, "--resume"]) == 0  # a finished run: writes its results again
    second = json.loads(result.read_text())
    assert first["history"] == second["history"]
    assert first["training_seconds"] == second["training_seconds"] > 0
    capsys.readouterr()


def test_a_finished_run_is_replaced_only_on_request(tiny, write_npz, capsys):
    arguments = ["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--epochs", "1"]
    runs = [Path(f"mnistcnn-run{number}") for number in ("", 2, 3)]
    assert main(arguments) == 0
    first = [path.read_bytes() for path in sorted(runs[0].glob("*.*"))]
    capsys.readouterr()
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith(
        "mnistcnn-run holds a finished run; this one goes to mnistcnn-run2.\n"
    )
    assert [path.read_bytes() for path in sorted(runs[0].glob("*.*"))] == first
    assert (runs[1] / "model.keras").is_file()
    # A folder that the user names is the one that the next command reads.
    for option in ([], ["--restart"]):
        assert main([*arguments, "--output", "mnistcnn-run", *option]) == 1
        assert capsys.readouterr().err == (
            "mnistcnn: mnistcnn-run holds a finished training run; --overwrite replaces it, "
            "another --output keeps it\n"
        )
    assert [path.read_bytes() for path in sorted(runs[0].glob("*.*"))] == first
    assert main([*arguments, "--overwrite"]) == 0
    assert [path.read_bytes() for path in sorted(runs[0].glob("*.*"))] != first
    assert [run.exists() for run in runs] == [True, True, False]


def test_an_interrupted_run_in_a_numbered_folder_is_found_again(
    tiny, write_npz, capsys, monkeypatch
):
    arguments = ["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--epochs", "3"]
    assert main(arguments) == 0
    capsys.readouterr()
    write_checkpoint = file_format.write_checkpoint

    def interrupt(*arguments, **options):
        write_checkpoint(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(file_format, "write_checkpoint", interrupt)
        assert main(arguments) == 130
    command = capsys.readouterr().err.splitlines()[-1]
    assert command == shlex.join(["mnistcnn", *arguments, "--output", "mnistcnn-run2", "--resume"])
    assert main(arguments) == 1
    assert "mnistcnn-run2 holds an unfinished training run, at " in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert Path("mnistcnn-run2/result.json").is_file()
    assert not Path("mnistcnn-run3").exists()


def test_damaged_checkpoint_needs_restart(tiny, write_npz, capsys):
    arguments = ["train", "--data", str(write_npz(tiny)), "--recipe", "fast", "--epochs", "1"]
    state = Path("mnistcnn-run/checkpoint", STATE_FILE)
    state.parent.mkdir(parents=True)
    state.write_bytes(b"damaged")
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert STATE_FILE in printed
    assert printed.endswith("; --restart starts from scratch\n")
    assert main([*arguments, "--restart"]) == 0
    assert describe_position(state.parent) is None
    assert list(state.parent.iterdir())
