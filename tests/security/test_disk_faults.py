"""Full and read-only disks, unusual names, and concurrent downloads."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import platformdirs
import pytest
from PIL import Image

from benchmarks.robustness import concurrent_download
from benchmarks.robustness.fuzz_images import filled_form
from mnistcnn import (
    DataUnavailableError,
    build_model,
    default_callbacks,
    export_model,
    load_data,
    load_model,
    preprocess,
    train,
)
from mnistcnn.backend import keras
from mnistcnn.cli.main import main
from mnistcnn.data import named
from mnistcnn.data.catalog import NAMED_DATASETS
from mnistcnn.weights.keras_file import save_model
from tests.helpers.http_server import datasets_equal

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits need Linux")
NOBODY = 65534


def run_process(code, *, before=""):
    """Run `code` in a process with the mirrors of this one."""
    setup = f"""
        import os, resource, sys
        import filelock, requests, numpy, platformdirs, encodings.idna
        import mnistcnn
        from mnistcnn.data import load; from mnistcnn.data import download; from mnistcnn.utils import atomic_write; from mnistcnn.data.formats import reader, libsvm; from mnistcnn.data.catalog import *; from mnistcnn.data.catalog import Mirror; from mnistcnn import load_data
        NAMED_DATASETS["mnist"] = {NAMED_DATASETS["mnist"]!r}
    """
    program = "\n".join(map(textwrap.dedent, (setup, before, code)))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False,
        # Coverage would fail to write its data and print a warning.
        env={k: v for k, v in os.environ.items() if "COVERAGE" not in k},
    )  # fmt: skip


def output(code, **options):
    """Return the standard output of a process that prints nothing else."""
    result = run_process(code, **options)
    assert result.stderr == ""
    return result.stdout


PRINT_ERROR = """
try:
    load_data(cache_dir=sys.argv[1] if len(sys.argv) > 1 else CACHE)
except mnistcnn.DataUnavailableError as error:
    print(error)
"""


# A full disk


@LINUX
def test_a_download_to_a_full_disk_leaves_no_file(mirrors, tmp_path):
    cache = tmp_path / "cache"
    text = output(
        PRINT_ERROR,
        before=f"CACHE = {str(cache)!r}; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
    )
    assert f"  {cache} is not writable: File too large" in text
    assert "MNISTCNN_DATA" in text
    assert [path.name for path in cache.iterdir() if path.name != "lock"] == []
    # Another mirror would not help, so none is tried.
    assert mirrors.requested == ["/0/mnist.npz"]


@LINUX
def test_a_write_to_a_full_disk_leaves_the_old_file(mirrors, tmp_path):
    (tmp_path / "a.txt").write_text("old")
    text = output(
        """
        try:
            atomic_write.write_text(atomic_write.Path("a.txt"), "new" * 1000)
        except OSError as error:
            print(error)
        """,
        before="resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
    )
    assert text == "[Errno 27] File too large: 'a.txt'\n"
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class FillDisk(keras.callbacks.Callback):
    """Fills the disk after the first step, since TensorFlow writes files while it traces."""

    def __init__(self, fill):
        super().__init__()
        self.on_train_batch_end = lambda batch, logs=None: fill()

    def get_state(self):
        return None

    def set_state(self, state):
        pass


def write_weights(fill, path, model, digits):
    fill()
    save_model(model, path)


def write_export(fill, path, model, digits):
    fill()
    export_model(model, path)


def train_with(digits, callbacks, **options):
    x, y = preprocess(*(part[:64] for part in digits.train))
    model = build_model(seed=0)
    train(model, x, y, epochs=1, seed=0, verbose=0, callbacks=callbacks, **options)


def write_best_checkpoint(fill, path, model, digits):
    train_with(digits, [FillDisk(fill), *default_callbacks(path, monitor="loss")])


def write_checkpoint(fill, path, model, digits):
    train_with(digits, [FillDisk(fill)], checkpoint_dir=path.parent)


@LINUX
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_weights, "a.keras"),
        (write_weights, "a.h5"),
        (write_weights, "a.weights.h5"),
        (write_export, "a.onnx"),
        (write_export, "a.safetensors"),
        (write_best_checkpoint, "best.keras"),
        (write_checkpoint, "run.safetensors"),
    ],
)
def test_a_full_disk_leaves_no_partial_file(write, name, tmp_path, network, digits):
    """Each writer leaves the old file and no temporary one."""
    resource = pytest.importorskip("resource", reason="the limits need POSIX")
    folder = tmp_path / "full"
    folder.mkdir()
    old = b"" if write is write_checkpoint else b"old"
    if old:
        (folder / name).write_bytes(old)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))

    try:
        with pytest.raises(OSError, match="File too large"):
            write(fill, folder / name, network, digits)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if "lock" not in path.name}
    assert files == ({name: old} if old else {})


@pytest.fixture
def small_disk(tmp_path):
    """The folder of a full file system of 4 KB."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root of Linux may mount")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "none", folder], capture_output=True, check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_the_error_of_a_full_file_system_names_it(mirrors, small_disk):
    with pytest.raises(DataUnavailableError, match="No space left on device") as error:
        load_data(cache_dir=small_disk)
    assert f"{small_disk} is not writable" in str(error.value)
    assert [path.name for path in small_disk.iterdir() if path.name != "lock"] == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["sheet", "--output"], "form.png"),
        (["sheet", "--output"], "form.pdf"),
        (["plot", "digits", "--data", "digits", "--output"], "digits.png"),
        (["export", "best"], "a.safetensors"),
        (["export", "best"], "a.onnx"),
        pytest.param(["export", "best"], "saved_model", marks=pytest.mark.slow),
        pytest.param(["export", "best"], "a.tflite", marks=pytest.mark.slow),
        pytest.param(["export", "best"], "a.xml", marks=pytest.mark.slow),
    ],
)
def test_a_command_names_the_output_on_a_full_disk(arguments, name, small_disk, capsys):
    check_full_disk(arguments, name, small_disk, capsys)


@pytest.mark.parametrize("name", ["boxes.png", "boxes.svg", "boxes.pdf"])
def test_boxes_on_a_full_disk(name, small_disk, page, capsys):
    Image.fromarray(page.picture).save("page.png")
    check_full_disk(["read", "page.png", "--boxes"], name, small_disk, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["sheet", "--read", "form.ppm", "--output"], "digits.npz"),
        (["calibrate", "--data", "digits", "best"], "a.keras"),
        (["report", "--data", "digits", "best", "--output"], "report.html"),
    ],
)
def test_a_long_command_on_a_full_disk(arguments, name, small_disk, capsys):
    pathlib.Path("form.ppm").write_bytes(filled_form())
    check_full_disk(arguments, name, small_disk, capsys)


def check_full_disk(arguments, name, small_disk, capsys):
    assert main([*arguments, str(small_disk / name)]) == 1
    error = capsys.readouterr().err
    assert error.endswith("No space left on device\n")
    assert error.startswith(f"mnistcnn: {small_disk}")
    assert error.count("\n") == 1
    assert list(small_disk.iterdir()) == []


# Permissions


# Import everything before, since this user may not be allowed to read the Python installation.
BECOME_NOBODY = f"""
load_data(cache_dir="first")
try:
    load_data("first")
except mnistcnn.DataUnavailableError:
    pass
if os.geteuid() == 0:
    os.setgid({NOBODY})
    os.setuid({NOBODY})
"""


@pytest.fixture
def world_readable(tmp_path):
    """Let all users access the folder of the test."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


@LINUX
def test_a_read_only_cache(mirrors, small_mnist, world_readable):
    filled, empty = world_readable / "filled", world_readable / "empty"
    load_data(cache_dir=filled)
    empty.mkdir()
    for folder in (filled, empty):
        folder.chmod(0o555)
    text = output(f"CACHE = {str(filled)!r}\nprint(len(load_data(cache_dir=CACHE).test.labels))", before=BECOME_NOBODY)  # fmt: skip
    assert text == "8\n"
    text = output(PRINT_ERROR, before=f"{BECOME_NOBODY}\nCACHE = {str(empty)!r}")
    assert f"the cache {empty} is not usable: " in text
    assert mirrors.requested == ["/0/mnist.npz"] * 2  # by the two calls of root
    assert list(empty.iterdir()) == []


@LINUX
def test_a_file_without_read_permission_is_not_reported_as_damaged(
    mirrors, world_readable, write_npz, tiny
):
    path = write_npz(tiny)
    path.chmod(0)
    text = output(
        f"""
        try:
            load_data({str(path)!r})
        except PermissionError as error:
            print(error)
        """,
        before=BECOME_NOBODY,
    )
    assert text == f"[Errno 13] Permission denied: {str(path)!r}\n"


def test_a_folder_instead_of_a_file_and_the_reverse(mirrors, tmp_path):
    (tmp_path / "cache" / "mnistcnn" / "mnist.npz").mkdir(parents=True)
    with pytest.raises(DataUnavailableError, match=r"mnist\.npz must be a file; it is a folder"):
        load_data()  # conftest.py sets the cache folder
    with pytest.raises(DataUnavailableError, match=r"mnist\.npz must be MNIST or not exist"):
        load_data(cache_dir=tmp_path / "cache" / "mnistcnn")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataUnavailableError, match="is not usable: .*Not a directory"):
        load_data(cache_dir=tmp_path / "file" / "below")
    (tmp_path / "a.keras").mkdir()
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path / "a.keras")


# No home folder


def no_home(*arguments, **options):
    raise RuntimeError("could not determine the home directory")


def unexpanded(*arguments, **options):
    """Return what older versions of platformdirs do."""
    return pathlib.Path("~", ".cache", "mnistcnn")


@pytest.mark.parametrize("user_cache_path", [no_home, unexpanded])
def test_without_a_home_folder_nothing_is_created_in_the_working_directory(
    user_cache_path, mirrors, small_mnist, *, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(platformdirs, "user_cache_path", user_cache_path)
    message = (
        r"^MNIST is unavailable \(there is no home folder for the cache\); set HOME or "
        "XDG_CACHE_HOME, pass cache_dir, or set MNISTCNN_DATA to a file or folder that holds MNIST$"
    )
    with pytest.raises(DataUnavailableError, match=message):
        load_data()
    assert not (tmp_path / "~").exists()
    assert mirrors.requested == []
    assert datasets_equal(load_data(cache_dir="here"), small_mnist)
    assert len(load_data("digits").test.labels) == 355
    assert main(["info"]) == 0
    assert "none (no home folder)" in capsys.readouterr().out
    assert not named.is_cached()


# Names


@pytest.mark.parametrize("name", ["ünïcødé 数字 🖋", "a b'c\"d", "-", "%s{0}", "x" * 240])
def test_the_cache_folder_may_have_any_name(name, mirrors, small_mnist, tmp_path):
    for _ in range(2):
        assert datasets_equal(load_data(cache_dir=tmp_path / name), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert datasets_equal(load_data(tmp_path / name / "mnist.npz"), small_mnist)


def test_the_cache_may_have_the_longest_possible_path(mirrors, small_mnist, tmp_path):
    folder = tmp_path
    while len(os.fsencode(folder)) < 3900:
        folder /= "d" * 100
    assert datasets_equal(load_data(cache_dir=folder), small_mnist)


@pytest.mark.parametrize("length", [300, 5_000, 100_000])
def test_a_name_that_is_too_long_gives_a_short_message(length, mirrors, tmp_path, monkeypatch):
    name = "n" * length
    with pytest.raises(DataUnavailableError, match=r"source must be .*; received 'n+\.\.\.n+'$"):
        load_data(name)
    with pytest.raises(DataUnavailableError, match="is not usable: .*File name too long"):
        load_data(cache_dir=tmp_path / name)
    with pytest.raises(OSError, match="File name too long"):
        load_model(f"{name}.keras")
    monkeypatch.setenv("MNISTCNN_DATA", name)
    with pytest.raises(
        DataUnavailableError, match=r"MNISTCNN_DATA must name .*; received 'n+\.\.\.n+'$"
    ):
        load_data()


def test_a_name_with_a_null_character_is_rejected():
    with pytest.raises(
        ValueError, match=r"^source must not contain a null character; received 'a\\x00b'$"
    ):
        load_data("a\0b")
    with pytest.raises(
        ValueError, match=r"^path must not contain a null character; received 'a\\x00.h5'$"
    ):
        load_model("a\0.h5")


# Several processes


def test_concurrent_processes_download_once(tmp_path):
    result = concurrent_download.run_round(tmp_path / "cache", processes=4)
    assert result == {"correct": 4, "downloads": 1, "cached_files": ["mnist.npz"]}


def test_a_killed_download_does_not_block_the_next_one(mirrors, small_mnist, tmp_path):
    """The operating system releases the lock of a process that ends, and no part stays."""
    cache = tmp_path / "cache"
    result = run_process(
        """
        from mnistcnn.data import http_client

        def kill(url, **options):
            yield b"half of it"
            os.kill(os.getpid(), 9)

        http_client.iter_body = kill
        load_data(cache_dir=CACHE)
        """,
        before=f"CACHE = {str(cache)!r}",
    )
    assert result.returncode == -9
    assert [path.name for path in cache.iterdir()] == ["lock"]
    assert datasets_equal(load_data(cache_dir=cache), small_mnist)


def test_all_recorded_concurrent_downloads_succeeded():
    file = pathlib.Path(__file__).parents[2] / "benchmarks/results/concurrent_download.json"
    report = json.loads(file.read_text())
    assert report["rounds"] >= 20
    assert report["correct_rounds"] == report["rounds"] == report["downloads"]
    assert report["correct_results"] == 8 * report["rounds"]
