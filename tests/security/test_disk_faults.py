"""Disks that are full or closed, names of all kinds, and eight neighbours at once."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import platformdirs
import pytest

from benchmarks.robustness import concurrent_download
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
from mnistcnn.data import download, load
from mnistcnn.weights.keras_file import save_model
from tests.helpers.http_server import equal

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
NOBODY = 65534


def in_a_process(code, *, before="", environment=None, **mirrors):
    """Run `code` with the mirrors of this process; it prints what the test looks at."""
    start = f"""
        import os, resource, sys
        import filelock, requests, numpy, platformdirs, encodings.idna
        import mnistcnn
        from mnistcnn.data import load; from mnistcnn.data import download; from mnistcnn.utils import atomic_write; from mnistcnn.data import formats; from mnistcnn import load_data
        download.MIRRORS = tuple(map(lambda one: download.Mirror(*one), {[tuple(one) for one in download.MIRRORS]!r}))
        load._MNIST_MD5 = {load._MNIST_MD5!r}
    """
    program = "\n".join(map(textwrap.dedent, (start, before, code)))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False,
        # Coverage would write where nothing can be written, and say so.
        env={k: v for k, v in (environment or os.environ).items() if "COVERAGE" not in k},
    )  # fmt: skip


def said(code, **options):
    result = in_a_process(code, **options)
    assert result.stderr == ""
    return result.stdout


REFUSED = """
try:
    load_data(cache_dir=sys.argv[1] if len(sys.argv) > 1 else CACHE)
except mnistcnn.DataUnavailableError as error:
    print(error)
"""


# A full disk


@LINUX
def test_a_full_disk_leaves_nothing_of_a_download(mirrors, tmp_path):
    cache = tmp_path / "cache"
    printed = said(
        REFUSED,
        before=f"CACHE = {str(cache)!r}; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
    )
    assert f"  {cache} is not writable: [Errno 27] File too large" in printed
    assert "MNISTCNN_DATA" in printed
    assert [one.name for one in cache.iterdir() if one.name != "lock"] == []
    # It's the disk's fault, so no other mirror is asked.
    assert mirrors.requested == ["/0/mnist.npz"]


@LINUX
def test_a_full_disk_leaves_the_old_file(mirrors, tmp_path):
    (tmp_path / "a.txt").write_text("old")
    printed = said(
        """
        try:
            atomic_write.write_text(atomic_write.Path("a.txt"), "new" * 1000)
        except OSError as error:
            print(error)
        """,
        before="resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
    )
    assert printed == "[Errno 27] File too large\n"
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


class Filled(keras.callbacks.Callback):
    """Fills the disk once a step was taken: TensorFlow writes files when it makes the graph."""

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


def write_best_epoch(fill, path, model, digits):
    train_with(digits, [Filled(fill), *default_callbacks(path, monitor="loss")])


def write_state(fill, path, model, digits):
    train_with(digits, [Filled(fill)], checkpoint_dir=path.parent)


@LINUX
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_weights, "a.keras"),
        (write_export, "a.onnx"),
        (write_export, "a.safetensors"),
        (write_best_epoch, "best.keras"),
        (write_state, "run.safetensors"),
    ],
)
def test_on_a_full_disk_nothing_is_half_there(write, name, tmp_path, network, digits):
    """Each way to write leaves what was there, and no temporary file."""
    resource = pytest.importorskip("resource", reason="limits as POSIX has them")
    folder = tmp_path / "full"
    folder.mkdir()
    old = b"" if write is write_state else b"old"
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
    left = {one.name: one.read_bytes() for one in folder.iterdir() if "lock" not in one.name}
    assert left == ({name: old} if old else {})


@LINUX
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount")
def test_a_file_system_without_room_is_said_plainly(mirrors, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "none", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(DataUnavailableError, match="No space left on device") as caught:
            load_data(cache_dir=place)
        assert f"{place} is not writable" in str(caught.value)
        assert [one.name for one in place.iterdir() if one.name != "lock"] == []
    finally:
        subprocess.run(["umount", place], check=True)


# Closed places


# Once all is imported, for nobody may not see where Python lies.
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
def open_to_all(tmp_path):
    """Let nobody in particular reach the folder of the test."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


@LINUX
def test_a_read_only_cache_is_read_and_refused_when_cold(mirrors, small_mnist, open_to_all):
    warm, cold = open_to_all / "warm", open_to_all / "cold"
    load_data(cache_dir=warm)
    cold.mkdir()
    for folder in (warm, cold):
        folder.chmod(0o555)
    printed = said(f"CACHE = {str(warm)!r}\nprint(len(load_data(cache_dir=CACHE).test.labels))", before=BECOME_NOBODY)  # fmt: skip
    assert printed == "8\n"
    printed = said(REFUSED, before=f"{BECOME_NOBODY}\nCACHE = {str(cold)!r}")
    assert f"the cache {cold} is not usable: [Errno 13] Permission denied" in printed
    assert mirrors.requested == ["/0/mnist.npz"] * 2  # none of them by nobody
    assert list(cold.iterdir()) == []


@LINUX
def test_a_file_that_may_not_be_read_is_not_called_damaged(mirrors, open_to_all, write_npz, tiny):
    path = write_npz(tiny)
    path.chmod(0)
    printed = said(
        f"""
        try:
            load_data({str(path)!r})
        except PermissionError as error:
            print(error)
        """,
        before=BECOME_NOBODY,
    )
    assert printed == f"[Errno 13] Permission denied: {str(path)!r}\n"


def test_a_folder_in_place_of_a_file_and_the_reverse(mirrors, tmp_path):
    (tmp_path / "cache" / "mnist.npz").mkdir(parents=True)
    with pytest.raises(DataUnavailableError, match=r"mnist\.npz must be a file; it is a folder"):
        load_data(cache_dir=tmp_path / "cache")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataUnavailableError, match="is not usable: .*Not a directory"):
        load_data(cache_dir=tmp_path / "file" / "below")
    (tmp_path / "a.keras").mkdir()
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path / "a.keras")


# A machine without a home


def no_home(*words, **options):
    raise RuntimeError("could not determine the home directory")


def unexpanded(*words, **options):
    """What platformdirs gave in older versions."""
    return pathlib.Path("~", ".cache", "mnistcnn")


@pytest.mark.parametrize("place", [no_home, unexpanded])
def test_without_a_home_nothing_is_made_where_the_program_runs(
    place, mirrors, small_mnist, *, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(platformdirs, "user_cache_path", place)
    message = (
        r"^MNIST is unavailable \(there is no home folder for the cache\); set HOME or "
        "XDG_CACHE_HOME, pass cache_dir, or set MNISTCNN_DATA to a file or folder that holds MNIST$"
    )
    with pytest.raises(DataUnavailableError, match=message):
        load_data()
    assert not (tmp_path / "~").exists()
    assert mirrors.requested == []
    assert equal(load_data(cache_dir="here"), small_mnist)
    assert len(load_data("digits").test.labels) == 355
    assert main(["info"]) == 0
    assert "none (no home folder)" in capsys.readouterr().out
    assert not load.is_cached()


# Names


@pytest.mark.parametrize("name", ["ünïcødé 数字 🖋", "a b'c\"d", "-", "%s{0}", "x" * 240])
def test_a_folder_of_any_name_is_a_cache(name, mirrors, small_mnist, tmp_path):
    for _ in range(2):
        assert equal(load_data(cache_dir=tmp_path / name), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert equal(load_data(tmp_path / name / "mnist.npz"), small_mnist)


def test_a_path_as_long_as_may_be_is_a_cache(mirrors, small_mnist, tmp_path):
    folder = tmp_path
    while len(os.fsencode(folder)) < 3900:
        folder /= "d" * 100
    assert equal(load_data(cache_dir=folder), small_mnist)


@pytest.mark.parametrize("length", [300, 5_000, 100_000])
def test_a_name_too_long_is_refused_in_one_sentence(length, mirrors, tmp_path, monkeypatch):
    name = "n" * length
    with pytest.raises(DataUnavailableError, match="source must be .*; received 'n{200,300}'$"):
        load_data(name)
    with pytest.raises(DataUnavailableError, match="is not usable: .*File name too long"):
        load_data(cache_dir=tmp_path / name)
    with pytest.raises(OSError, match="File name too long"):
        load_model(f"{name}.keras")
    monkeypatch.setenv("MNISTCNN_DATA", name)
    with pytest.raises(
        DataUnavailableError, match="MNISTCNN_DATA must name .*; received 'n{200,300}'$"
    ):
        load_data()


def test_a_name_with_a_null_character_is_refused():
    with pytest.raises(
        ValueError, match=r"^source must not contain a null character; received 'a\\x00b'$"
    ):
        load_data("a\0b")
    with pytest.raises(
        ValueError, match=r"^path must not contain a null character; received 'a\\x00.h5'$"
    ):
        load_model("a\0.h5")


# Neighbours


def test_eight_processes_at_once_download_once(tmp_path):
    found = concurrent_download.one_round(tmp_path / "cache")
    assert found == {"right": 8, "downloads": 1, "left": ["mnist.npz"]}


def test_a_process_that_died_while_downloading_hinders_nobody(mirrors, small_mnist, tmp_path):
    """The lock falls with the process that held it."""
    cache = tmp_path / "cache"
    result = in_a_process(
        """
        def die(url, bar):
            yield b"half of it"
            os.kill(os.getpid(), 9)

        download._iter_bytes = die
        load_data(cache_dir=CACHE)
        """,
        before=f"CACHE = {str(cache)!r}",
    )
    assert result.returncode == -9
    assert equal(load_data(cache_dir=cache), small_mnist)


def test_the_measured_rounds_are_all_right():
    file = pathlib.Path(__file__).parents[2] / "benchmarks/results/concurrent_download.json"
    report = json.loads(file.read_text())
    assert report["rounds"] >= 20
    assert report["right_rounds"] == report["rounds"] == report["downloads"]
    assert report["right_answers"] == 8 * report["rounds"]
