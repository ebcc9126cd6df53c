"""No command deletes or replaces a file of the user unasked: neither inputs nor other files."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli import common, train
from mnistcnn.cli.main import main
from mnistcnn.sweeps import sweep as sweep_module
from mnistcnn.training.checkpoint.file_format import STATE_FILE
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.weights.keras_file import save_model
from tests.helpers.sweep_runs import fake_processes  # noqa: F401  # a fixture

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and FIFOs need POSIX")
MINE = b"the user's own content"
FOREIGN = (
    "mnistcnn: {} must not exist or be a file that mnistcnn wrote; received another file: "
    "move it or choose another output\n"
)
INPUT = "mnistcnn: an output must not replace an input; the output {} is the input {}\n"
TRAIN = ["train", "--data", "digits", "--recipe", "fast", "--epochs", "1", "--output", "run"]


def snapshot():
    """Return the digest or the kind of everything in the current folder, by path."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else path.lstat().st_mode
        for path in sorted(Path().rglob("*"))
    }


def write(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(MINE)


@pytest.fixture
def rejected(capsys):
    """Run a command that must fail with a message and change nothing."""

    def run(*arguments, message):
        before = snapshot()
        capsys.readouterr()
        assert main(list(arguments)) == 1
        assert capsys.readouterr().err.endswith(message)
        assert snapshot() == before

    return run


@pytest.fixture
def model_file(network):
    save_model(network, "a.keras")
    return "a.keras"


@pytest.fixture
def scans():
    """Write three pictures in the folder d, one named like the boxes of another."""
    Path("d").mkdir()
    for name in ("a.png", "a-boxes.png", "b.png"):
        Image.new("L", (40, 40), 255).save(Path("d", name))


@pytest.fixture
def history_file():
    """Write the result file of a run."""
    content = {"command": "mnistcnn", "history": {"loss": [0.5], "accuracy": [0.5]}}
    Path("result.json").write_text(json.dumps(content))
    return "result.json"


# Temporary files of others


@posix
def test_a_write_deletes_nothing_else():
    """Nothing with a temporary name is moved, deleted or opened, wherever it comes from."""
    folder = Path(".mnistcnn-0123456789ab")
    write("thesis.txt", "keys/id", f"{folder}/new/thesis.txt", f"{folder}/old/thesis.txt")
    (folder / "last").write_text("thesis.txt")
    Path(".mnistcnn-1123456789ab").mkdir()
    Path(".mnistcnn-1123456789ab/new").symlink_to("../keys")
    Path(".mnistcnn-2123456789ab").mkdir()
    os.mkfifo(".mnistcnn-2123456789ab/last")
    os.mkfifo(".mnistcnn-3123456789ab")
    write(".mnistcnn-4123456789ab", ".mnistcnn-5123456789ab.txt", ".mnistcnn-6123456789ab.keras")
    Path(".mnistcnn-7123456789ab.txt").symlink_to("keys/id")
    before = snapshot()
    write_text(Path("figure.txt"), "new")
    after = snapshot()
    del after["figure.txt"]
    assert after == before


# A rejected command has no side effects


def test_a_running_training_is_not_disturbed(rejected):
    write(f"run/checkpoint/{STATE_FILE}")
    code = "import filelock; lock = filelock.FileLock('run/checkpoint/lock'); lock.acquire(); print(flush=True); input()"
    message = (
        "mnistcnn: checkpoint_dir must be used by one training at a time; received "
        f"{str(Path('run/checkpoint'))!r}, which another one uses\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        for option in ("--restart", "--resume", "--overwrite"):
            rejected(*TRAIN, option, message=message)
        process.communicate(b"\n")


@posix
@pytest.mark.parametrize("options", [[], ["--restart"], ["--resume"], ["--overwrite"]])
def test_a_checkpoint_folder_that_is_a_link_is_not_followed(options, rejected):
    """A stranger's archive may lead it to another run."""
    write(f"other/{STATE_FILE}")
    Path("run").mkdir()
    Path("run/checkpoint").symlink_to("../other")
    message = (
        f"mnistcnn: {Path('run/checkpoint')} must be a folder; received a link: "
        "move the folder there, or choose another --output\n"
    )
    rejected(*TRAIN, *options, message=message)


def test_the_lock_is_held_until_the_results_are_written(monkeypatch, tiny, write_npz):
    """No other training replaces the model before it is evaluated."""
    locked = []

    def save_json(path, report):
        code = "import sys, filelock; filelock.FileLock(sys.argv[1]).acquire(timeout=0)"
        process = subprocess.run(
            [sys.executable, "-c", code, "run/checkpoint/lock"], capture_output=True, check=False
        )
        locked.append(process.returncode != 0)

    monkeypatch.setattr(common, "save_json", save_json)
    monkeypatch.setattr(common, "save_figure", lambda path, figure: None)
    arguments = [*TRAIN, "--data", str(write_npz(tiny))]
    assert main(arguments) == 0
    assert locked == [True]


def test_rejected_commands_create_nothing(rejected, model_file):
    for arguments in (
        ["train", "--data", "absent.npz", "--output", "new"],
        ["sweep", "--seeds", "0", "--data", "absent.npz", "--output", "new"],
        ["evaluate", model_file, "--data", "absent.npz", "--output", "new"],
        ["report", model_file, "--data", "absent.npz", "--output", "new/report.html"],
        ["export", "absent.keras", "new/a.onnx"],
        ["read", "absent.png", "--weights", "absent.onnx", "--boxes", "new/a.png"],
    ):
        rejected(*arguments, message="\n")


def test_a_sweep_with_an_invalid_argument_creates_no_folder(digits):
    with pytest.raises(ValueError, match="^verbose must be one of"):
        mnistcnn.sweep(digits, seeds=[0], output="new", verbose=3)
    assert not Path("new").exists()


# Outputs over inputs


@pytest.mark.usefixtures("scans")
def test_boxes_replace_no_picture_that_is_read(rejected):
    for arguments in (["d"], ["d/a.png", "d/a-boxes.png"], ["d/*.png"]):
        name = Path("d", "a-boxes.png")
        rejected("read", *arguments, "--boxes", "d", message=INPUT.format(name, name))
    rejected("read", "d/a.png", "--boxes", "d/a.png", message=INPUT.format(*[Path("d/a.png")] * 2))


@posix
@pytest.mark.usefixtures("scans")
def test_boxes_replace_no_picture_under_another_name(rejected):
    Path("link.png").symlink_to("d/a.png")
    Path("other.png").hardlink_to("d/b.png")
    rejected("read", "d/a.png", "--boxes", "link.png", message=INPUT.format("link.png", "d/a.png"))
    rejected(
        "read", "d/b.png", "--boxes", "other.png", message=INPUT.format("other.png", "d/b.png")
    )


def test_a_plot_replaces_no_input(rejected, history_file, monkeypatch):
    Path("history.png").hardlink_to(history_file)
    message = INPUT.format("history.png", history_file)
    rejected("plot", "history", history_file, message=message)
    rejected("plot", "history", ".", "--output", "history.png", message=message)
    write("data.png")
    rejected(
        "plot", "digits", "--data", "data.png", "--output", "data.png",
        message=INPUT.format("data.png", "data.png"),
    )  # fmt: skip
    monkeypatch.setenv("MNISTCNN_DATA", "data.png")
    rejected("plot", "digits", "--output", "data.png", message=INPUT.format("data.png", "data.png"))


@posix
def test_a_report_replaces_no_input(rejected, model_file, history_file, tmp_path):
    for name, target in (("model.html", model_file), ("result.html", history_file)):
        Path(name).symlink_to(tmp_path / target)
        message = INPUT.format(name, target)
        arguments = ["report", model_file, "--data", "digits", "--output", name]
        rejected(*arguments, message=message)


@posix
def test_results_replace_no_input(rejected, model_file, digits):
    Path("out").mkdir()
    Path("out/evaluation.json").hardlink_to(model_file)
    message = INPUT.format("out/evaluation.json", model_file)
    rejected("evaluate", model_file, "--data", "digits", "--output", "out", message=message)
    np.savez(
        "data.npz",
        **dict(zip(("x_train", "y_train", "x_test", "y_test"), sum(digits, ()), strict=True)),
    )
    Path("run/checkpoint").mkdir(parents=True)
    for name in ("run/model.keras", "run/history.png", f"run/checkpoint/{STATE_FILE}"):
        Path(name).hardlink_to("data.npz")
        message = INPUT.format(name, "data.npz")
        rejected(*TRAIN, "--restart", "--data", "data.npz", message=message)
        Path(name).unlink()
    Path("run/sweep.json").hardlink_to("data.npz")
    rejected(
        "sweep", "--seeds", "0", "--data", "data.npz", "--output", "run",
        message=INPUT.format("run/sweep.json", "data.npz"),
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
def test_an_export_does_not_replace_its_model(suffix, network, rejected):
    name = f"a{suffix}"
    mnistcnn.export_model(network, name)
    rejected("export", name, f"./{name}", message=INPUT.format(name, name))
    with pytest.raises(FileExistsError, match="^an output must not replace an input"):
        mnistcnn.export_model(name, name)


# Files of other programs


@pytest.mark.usefixtures("scans")
def test_boxes_in_a_folder_replace_only_boxes(rejected):
    write("out/a-boxes.png")
    name = Path("out", "a-boxes.png")
    rejected("read", "d/a.png", "d/b.png", "--boxes", "out", message=FOREIGN.format(name))
    name.unlink()
    for _ in range(2):  # its own files are replaced
        assert main(["read", "d/a.png", "d/b.png", "--boxes", "out"]) == 0
    write("named.png")
    assert main(["read", "d/a.png", "--boxes", "named.png"]) == 0
    assert Path("named.png").read_bytes() != MINE


def test_a_plot_without_a_name_replaces_only_plots(rejected, history_file):
    write("history.png")
    rejected("plot", "history", history_file, message=FOREIGN.format("history.png"))
    assert main(["plot", "history", history_file, "--output", "history.png"]) == 0
    assert main(["plot", "history", history_file]) == 0


@posix
def test_outputs_without_a_name_follow_no_link(rejected, history_file):
    write("elsewhere/photo.png")
    Path("history.png").symlink_to("elsewhere/photo.png")
    rejected("plot", "history", history_file, message=FOREIGN.format("history.png"))


def test_a_report_without_a_name_replaces_only_reports(rejected, model_file):
    write("report.html")
    arguments = ["report", model_file, "--data", "digits"]
    rejected(*arguments, message=FOREIGN.format("report.html"))
    assert main([*arguments, "--output", "report.html"]) == 0
    assert main(arguments) == 0


@pytest.mark.parametrize("name", ["evaluation.json", "confusion_matrix.png"])
def test_an_evaluation_replaces_only_evaluations(name, rejected, model_file):
    arguments = ["evaluate", model_file, "--data", "digits", "--output", "out"]
    assert main(arguments) == 0
    assert main(arguments) == 0
    write(f"out/{name}")
    rejected(*arguments, message=FOREIGN.format(Path("out", name)))


@pytest.mark.parametrize(
    "name", ["model.keras", "result.json", "history.png", "confusion_matrix.png"]
)
def test_a_training_replaces_only_files_of_trainings(name, rejected):
    write(f"run/{name}")
    rejected(*TRAIN, "--restart", message=FOREIGN.format(Path("run", name)))


@pytest.mark.parametrize("name", ["model.keras", "result.json"])
def test_files_that_appear_during_a_training_stay(name, monkeypatch, tiny, write_npz, capsys):
    fit = train._fit

    def write_and_fit(*arguments, **options):
        write(f"run/{name}")
        return fit(*arguments, **options)

    monkeypatch.setattr(common, "save_figure", lambda path, figure: None)
    arguments = [*TRAIN, "--data", str(write_npz(tiny))]
    with monkeypatch.context() as patch:
        patch.setattr(train, "_fit", write_and_fit)
        assert main(arguments) == 1
    assert capsys.readouterr().err.endswith(FOREIGN.format(Path("run", name)))
    path = Path("run", name)
    assert path.read_bytes() == MINE
    # The training is not lost: once the file is moved, its results are written.
    path.unlink()
    assert main([*arguments, "--resume"]) == 0


def test_a_training_replaces_no_model_that_was_saved_by_hand(rejected, network):
    """Its content is that of a model of this package, but no training of the folder made it."""
    Path("run").mkdir()
    save_model(network, "run/model.keras")
    rejected(*TRAIN, message=FOREIGN.format(Path("run/model.keras")))


@posix
def test_a_training_follows_no_link_to_another_model(rejected):
    write("thesis.keras")
    Path("run").mkdir()
    common.save_json(Path("run/result.json"), {"command": "train", "versions": common.versions()})
    Path("run/model.keras").symlink_to("../thesis.keras")
    rejected(*TRAIN, "--overwrite", message=FOREIGN.format(Path("run/model.keras")))


@pytest.mark.usefixtures("fake_processes")
def test_a_sweep_replaces_only_sweeps(rejected, monkeypatch, digits):
    arguments = ["sweep", "--seeds", "0", "--data", "digits", "--output", "out"]
    write("out/sweep.json")
    rejected(*arguments, message=FOREIGN.format(Path("out/sweep.json")))
    Path("out/sweep.json").unlink()
    for _ in range(2):
        assert main(arguments) == 0
    run_in_processes = sweep_module.run_in_processes

    def write_and_run(*positional, **options):
        for event in run_in_processes(*positional, **options):
            write("new/baseline-seed-0.json")
            yield event

    monkeypatch.setattr(sweep_module, "run_in_processes", write_and_run)
    with pytest.raises(mnistcnn.CorruptFileError):
        mnistcnn.sweep(digits, seeds=[0], epochs=1, output="new", verbose=0)
    assert Path("new/baseline-seed-0.json").read_bytes() == MINE


def test_an_export_replaces_no_bin_file_without_its_xml(rejected, model_file):
    pytest.importorskip("openvino")
    write("a.bin")
    message = "mnistcnn: a.bin must not exist without a.xml; it would be replaced\n"
    rejected("export", model_file, "a.xml", message=message)
    assert main(["export", model_file, "b.xml"]) == 0
    assert main(["export", model_file, "b.xml"]) == 0


@pytest.mark.parametrize("name", ["variables/thesis.txt", "assets/vocabulary.txt"])
def test_an_export_deletes_no_other_file_in_a_saved_model(name, rejected, network):
    mnistcnn.export_model(network, "model")
    write(f"model/{name}")
    save_model(network, "a.keras")
    message = (
        "mnistcnn: model must not exist, be empty or be a SavedModel, because it is replaced; "
        f"it contains '{name}'\n"
    )
    rejected("export", "a.keras", "model", message=message)
