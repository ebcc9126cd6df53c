"""A lock is an empty file; what else has its name is neither followed, opened nor changed."""

import os
import subprocess
import sys
import threading

import pytest

import mnistcnn
from mnistcnn.training.checkpoint.manager import lock_run
from mnistcnn.utils.lock import file_lock

HOLD = """
import sys, pathlib
from mnistcnn.utils.lock import file_lock
with file_lock(pathlib.Path("lock"), timeout=0):
    print(flush=True)
    input()
"""


def make_link(path):
    (path.parent / "thesis.txt").write_text("a thesis")
    path.symlink_to("thesis.txt")


OTHER_FILES = {
    "file": lambda path: path.write_text("a thesis"),
    "link": make_link,
    "dangling link": lambda path: path.symlink_to("absent"),
    "folder": lambda path: path.mkdir(),
}
if hasattr(os, "mkfifo"):
    OTHER_FILES["FIFO"] = os.mkfifo


@pytest.fixture(params=OTHER_FILES)
def other_file(request, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    OTHER_FILES[request.param](folder / "lock")
    return folder / "lock"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


RULE = r"lock must not exist or be a lock, which is an empty file; received another file: move it"


def test_another_file_is_not_used_as_a_lock(other_file):
    before = files(other_file.parent)
    with pytest.raises(FileExistsError, match=RULE), file_lock(other_file, timeout=0):
        pass
    assert files(other_file.parent) == before


def test_another_file_is_not_used_as_the_lock_of_a_run_or_of_the_cache(other_file, mirrors):
    before = files(other_file.parent)
    with pytest.raises(FileExistsError, match=RULE), lock_run(other_file.parent):
        pass
    with pytest.raises(mnistcnn.DataUnavailableError, match=f"is not usable: .*{RULE}"):
        mnistcnn.load_data(cache_dir=other_file.parent)
    assert files(other_file.parent) == before


def test_one_process_holds_a_lock(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    process.stdout.readline()
    with pytest.raises(TimeoutError), file_lock(tmp_path / "lock", timeout=0):
        pass
    process.communicate(b"\n")
    with file_lock(tmp_path / "lock", timeout=0):
        pass


def test_only_a_reentrant_lock_can_be_taken_twice(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path, timeout=0, reentrant=True), file_lock(path, timeout=0, reentrant=True):
        with pytest.raises(TimeoutError), file_lock(path, timeout=0):
            pass
        other_thread = []

        def take():
            try:
                with file_lock(path, timeout=0, reentrant=True):
                    other_thread.append("taken")
            except TimeoutError:
                other_thread.append("refused")

        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
        assert other_thread == ["refused"]


def test_the_marker_of_a_file_system_without_locks_is_a_lock(tmp_path):
    """A process that was killed leaves it."""
    (tmp_path / "lock").write_text("1234\nhost\n")
    with file_lock(tmp_path / "lock", timeout=0):
        pass
