"""Atomic writes leave the old file or the new one."""

import itertools
import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

from mnistcnn.utils.atomic_write import atomic_write, atomic_write_directory, write_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks, links or modes")


def accept(folder):
    """Accept any folder to replace."""


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_text_is_written_and_parent_folders_are_created(tmp_path):
    path = tmp_path / "new" / "folder" / "ünïcode.txt"
    write_text(path, "first\n")
    write_text(path, "zweite ×\n")
    assert path.read_text(encoding="utf-8") == "zweite ×\n"
    assert names(path.parent) == ["ünïcode.txt"]


def test_a_file_is_replaced_in_one_step(tmp_path):
    """A reader that has the old file open reads all of it."""
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.keras", ".keras"), ("a.b.h5", ".h5"), ("a.weights.h5", ".weights.h5"), ("a", "")],
)
def test_the_temporary_name_has_the_suffix(tmp_path, name, suffix):
    with atomic_write(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(suffix)
        temporary.write_text("")
    assert names(tmp_path) == [name]


@posix
@pytest.mark.parametrize("is_link", [False, True])
def test_a_special_file_is_not_replaced(is_link, tmp_path):
    fifo = tmp_path / "fifo.png"
    os.mkfifo(fifo)
    path = fifo
    if is_link:
        path = tmp_path / "link.png"
        path.symlink_to(fifo)
    with pytest.raises(FileExistsError, match=r"\.png must be a regular file; it is a FIFO"):
        write_text(path, "new")
    assert fifo.is_fifo()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted({"fifo.png", path.name})


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file; it is a folder"):
        write_text(tmp_path, "")


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with (
        pytest.raises(NotADirectoryError, match="must be a folder; it is a file"),
        atomic_write_directory(path, check=accept),
    ):
        pass
    assert path.read_text() == "old"


# One file, two files, a folder


def write_file(path, text):
    write_text(path, f"{text} text")


def write_pair(path, text):
    with atomic_write(path, companions=(".bin",)) as temporary:
        temporary.write_text(f"{text} xml")
        temporary.with_suffix(".bin").write_text(f"{text} bin")


def write_folder(path, text):
    with atomic_write_directory(path, check=accept) as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "main").write_text(f"{text} main")
        (temporary / "inner" / "part").write_text(f"{text} part")


def contents(folder):
    """Return the text of each file in `folder` by its relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


WRITERS = pytest.mark.parametrize(
    ("write", "name"), [(write_file, "a.txt"), (write_pair, "a.xml"), (write_folder, "a")]
)
EXPECTED = {
    "a.txt": {"a.txt": "{} text"},
    "a.xml": {"a.xml": "{} xml", "a.bin": "{} bin"},
    "a": {"a/main": "{} main", "a/inner/part": "{} part"},
}


def expected(name, text):
    return {path: template.format(text) for path, template in EXPECTED[name].items()}


@WRITERS
def test_all_files_are_replaced(tmp_path, write, name):
    for text in ("old", "new"):
        write(tmp_path / "new" / name, text)
        assert contents(tmp_path / "new") == expected(name, text)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@WRITERS
def test_a_failing_block_leaves_the_old_files(tmp_path, write, name, error):
    path = tmp_path / name
    write(path, "old")

    def fail():
        if write is write_folder:
            with atomic_write_directory(path, check=accept) as temporary:
                temporary.mkdir()
                (temporary / "main").write_text("half of the n")
                raise error
        with atomic_write(path, companions=(".bin",) * (write is write_pair)) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        fail()
    assert contents(tmp_path) == expected(name, "old")
    assert names(tmp_path) == sorted({path.split("/")[0] for path in EXPECTED[name]})


def test_a_missing_companion_is_an_error(tmp_path):
    path = tmp_path / "a.xml"
    for before in ({}, expected("a.xml", "old")):
        with (
            pytest.raises(FileNotFoundError),
            atomic_write(path, companions=(".bin",)) as temporary,
        ):
            temporary.write_text("alone")
        assert contents(tmp_path) == before
        write_pair(path, "old")


class Crash(BaseException):
    """An interrupt, or a crash of the machine if nothing can be renamed afterwards."""


@pytest.mark.parametrize("recovers", [True, False])
@WRITERS
def test_a_crash_at_any_rename_loses_nothing(write, name, recovers, *, tmp_path, monkeypatch):
    for crash_at in itertools.count():
        folder = tmp_path / str(crash_at)
        write(folder / name, "old")
        calls = itertools.count()
        with monkeypatch.context() as patch:
            for method in ("rename", "replace"):
                original = getattr(pathlib.Path, method)

                def rename(self, target, original=original, calls=calls, crash_at=crash_at):
                    call = next(calls)
                    if call == crash_at or (call > crash_at and not recovers):
                        raise Crash
                    return original(self, target)

                patch.setattr(pathlib.Path, method, rename)
            try:
                write(folder / name, "new")
            except Crash:
                pass
            else:
                assert crash_at == {"a.txt": 1, "a.xml": 2, "a": 2}[name]
                assert contents(folder) == expected(name, "new")
                return
        old, after = expected(name, "old"), contents(folder)
        if write is write_pair and crash_at == 1:
            old["a.bin"] = "new bin"  # the main file is the last
        if write is write_folder and crash_at == 1 and not recovers:
            # Nothing is at the path, and the old folder is complete under a temporary name.
            [aside] = folder.glob(".mnistcnn-*.old")
            assert contents(aside) == {key.removeprefix("a/"): old[key] for key in old}
            assert not (folder / name).exists()
        else:
            assert after == old


def test_a_folder_that_fails_the_check_is_moved_back(tmp_path):
    path = tmp_path / "a"
    write_folder(path, "old")

    def check(folder):
        assert contents(folder)["main"] == "old main"
        raise FileExistsError("mine")

    def replace():
        with atomic_write_directory(path, check=check) as temporary:
            temporary.mkdir()

    with pytest.raises(FileExistsError, match="^mine$"):
        replace()
    assert contents(tmp_path) == expected("a", "old")
    assert names(tmp_path) == ["a"]


def test_a_folder_that_appears_while_the_new_one_is_written_stays(tmp_path, monkeypatch):
    """Neither the folder nor the one that was moved aside is lost."""
    path = tmp_path / "a"
    write_folder(path, "old")

    def check(folder):
        path.mkdir()
        (path / "photo.png").write_text("mine")

    def replace():
        with atomic_write_directory(path, check=check) as temporary:
            temporary.mkdir()

    with pytest.raises(OSError, match="photo|not empty|exists"):
        replace()
    assert contents(path) == {"photo.png": "mine"}
    [aside] = tmp_path.glob(".mnistcnn-*.old")
    assert contents(aside)["main"] == "old main"


@posix
@WRITERS
def test_links_are_followed_and_modes_kept(tmp_path, write, name):
    target = tmp_path / "target" / name
    write(target, "old")
    target.chmod(0o750)
    (tmp_path / name).symlink_to(target)
    write(tmp_path / name, "new")
    assert (tmp_path / name).is_symlink()
    assert contents(tmp_path / "target") == expected(name, "new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o750


# Killed writers


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from mnistcnn.utils.atomic_write import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the n")
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def start_writer(path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    return process


@posix
def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with start_writer(path) as process:
        assert process.wait() == -signal.SIGKILL
    [temporary] = tmp_path.glob(".mnistcnn-*.txt")
    write_text(tmp_path / "b.txt", "new")
    assert path.read_text() == "old"
    # A name does not prove who made a file, so no other process deletes it.
    assert temporary.read_text() == "half of the n"
