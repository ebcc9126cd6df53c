"""Reading is bounded; writing leaves the old file or the new one."""

import errno
import itertools
import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

from mnistcnn import CorruptFileError
from mnistcnn.utils.atomic_write import atomic_write, atomic_write_many, write_text
from mnistcnn.utils.safe_read import read_limited

if sys.platform != "win32":
    import fcntl


def test_reads_up_to_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, limit=5) == b"12345"
    with pytest.raises(CorruptFileError, match=r"file must hold at most 4 bytes; it holds 5"):
        read_limited(path, limit=4)


def test_writes_whole_and_makes_folders(tmp_path):
    path = tmp_path / "new" / "folder" / "ünïcode.txt"
    write_text(path, "first\n")
    write_text(path, "zweite ×\n")
    assert path.read_text(encoding="utf-8") == "zweite ×\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["ünïcode.txt"]


def test_the_new_file_takes_the_place_in_one_step(tmp_path):
    """Whoever has the old file open goes on reading the old one, never a mixture."""
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path, error):
    path = tmp_path / "kept.keras"
    path.write_text("old")

    def write():
        with atomic_write(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.keras"]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.keras", ".keras"), ("a.b.h5", ".h5"), ("a.weights.h5", ".weights.h5"), ("a", "")],
)
def test_the_temporary_name_keeps_the_suffix(tmp_path, name, suffix):
    with atomic_write(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(suffix)
        temporary.write_text("")
    assert (tmp_path / name).exists()


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file; it is a folder"):
        write_text(tmp_path, "")


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes as POSIX has them")
def test_links_are_followed_and_modes_kept(tmp_path):
    target = tmp_path / "target.txt"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


# Things of several parts


def write_pair(path, text):
    with atomic_write_many(path, ".bin") as temporary:
        temporary.write_text(f"{text} xml")
        temporary.with_suffix(".bin").write_text(f"{text} bin")


def write_folder(path, text):
    with atomic_write_many(path) as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "main").write_text(f"{text} main")
        (temporary / "inner" / "part").write_text(f"{text} part")


def parts(path):
    """Everything that a reader who starts from `path` meets, or nothing."""
    if path.is_dir():
        return {one.name: one.read_text() for one in path.rglob("*") if one.is_file()}
    if not path.exists():
        return None
    return {one.suffix: one.read_text() for one in (path, path.with_suffix(".bin"))}


def names(folder):
    return sorted(one.name for one in folder.iterdir())


WRITERS = pytest.mark.parametrize(
    ("write", "name", "left"),
    [(write_pair, "a.xml", ["a.bin", "a.xml"]), (write_folder, "a", ["a"])],
)


@WRITERS
def test_several_parts_are_replaced_together(tmp_path, write, name, left):
    path = tmp_path / "new" / name
    for text in ("old", "new"):
        write(path, text)
        assert len(parts(path)) == 2
        assert all(part.startswith(text) for part in parts(path).values())
    assert names(path.parent) == left


@WRITERS
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_writer_of_parts_leaves_the_old_ones(tmp_path, write, name, left, error):
    path = tmp_path / name
    write(path, "old")
    before = parts(path)

    def fail():
        with atomic_write_many(path, *[".bin"] * (name == "a.xml")) as temporary:
            temporary.with_name("half").write_text("half of the n")
            raise error

    with pytest.raises(error):
        fail()
    assert parts(path) == before
    assert names(tmp_path) == left


def test_a_part_that_was_not_written_is_a_failure(tmp_path):
    path = tmp_path / "a.xml"
    for _ in range(2):
        with pytest.raises(FileNotFoundError), atomic_write_many(path, ".bin") as temporary:
            temporary.write_text("alone")
        assert names(tmp_path) in ([], ["a.bin", "a.xml"])
        write_pair(path, "old")
    assert set(parts(path).values()) == {"old xml", "old bin"}


class Stop(BaseException):
    """An interrupt, or the end of the machine."""


@WRITERS
@pytest.mark.parametrize("recovers", [True, False])
def test_stopped_at_any_move_there_is_never_a_mixture(
    write, name, left, recovers, *, tmp_path, monkeypatch
):
    """Interrupted, the old parts are back; after a crash they are whole or lie aside whole."""
    rename = pathlib.Path.rename
    for stop_at in itertools.count():
        folder = tmp_path / str(stop_at)
        path = folder / name
        write(path, "old")
        before, count = parts(path), itertools.count()

        def stop(self, target, stop_at=stop_at, count=count):
            number = next(count)
            if number == stop_at or (number > stop_at and not recovers):
                raise Stop
            return rename(self, target)

        monkeypatch.setattr(pathlib.Path, "rename", stop)
        try:
            write(path, "new")
            stopped = False
        except Stop:
            stopped = True
        monkeypatch.setattr(pathlib.Path, "rename", rename)
        found = parts(path)
        if not stopped:
            assert stop_at >= 2
            assert all(part.startswith("new") for part in found.values())
            return
        if recovers:
            assert found == before
            assert names(folder) == left
        else:
            assert found in (before, None)
            aside = [one for one in folder.rglob("*") if one.is_file()]
            assert {one.read_text() for one in aside} >= set(before.values())
            write_text(folder / "other", "the next write into the folder")
            assert names(folder) == sorted([*left, "other"])
            found = parts(path)
            assert found == before or all(part.startswith("new") for part in found.values())


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes as POSIX has them")
def test_links_to_parts_are_followed_and_modes_kept(tmp_path):
    write_pair(tmp_path / "there" / "a.xml", "old")
    (tmp_path / "there" / "a.xml").chmod(0o640)
    (tmp_path / "link.xml").symlink_to(tmp_path / "there" / "a.xml")
    write_pair(tmp_path / "link.xml", "new")
    assert (tmp_path / "link.xml").is_symlink()
    assert set(parts(tmp_path / "there" / "a.xml").values()) == {"new xml", "new bin"}
    assert stat.S_IMODE((tmp_path / "there" / "a.xml").stat().st_mode) == 0o640


# What a killed writer left


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.atomic_write import atomic_write_many
print("ready", flush=True)
with (replacing if sys.argv[2] == "one" else replacing_together)(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the n")
    print("writing", flush=True)
    sys.stdin.read() if sys.argv[3] == "waits" else os.kill(os.getpid(), signal.SIGKILL)
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks on folders")


def writer(path, how, end):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(path), how, end],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.stdout.readline() not in ("writing\n", ""):
        pass
    return process


@posix
@pytest.mark.parametrize("how", ["one", "together"])
def test_the_next_write_removes_what_a_killed_writer_left(tmp_path, how):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with writer(path, how, "killed") as process:
        assert process.wait() == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    write_text(tmp_path / "other.txt", "new")
    assert names(tmp_path) == ["kept.txt", "other.txt"]
    assert path.read_text() == "old"


@posix
@pytest.mark.parametrize("how", ["one", "together"])
def test_a_living_writer_keeps_what_it_is_writing(tmp_path, how):
    with writer(tmp_path / "a.txt", how, "waits") as process:
        write_text(tmp_path / "b.txt", "another process")
        with atomic_write(tmp_path / "c.txt") as temporary:  # and one within another
            temporary.write_text("outer")
            write_text(tmp_path / "d.txt", "inner")
        process.communicate()
    assert process.returncode == 0
    assert names(tmp_path) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    assert (tmp_path / "a.txt").read_text() == "half of the n"


def test_without_locks_only_what_is_old_is_stale(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOTSUP, "no locks here")

    if sys.platform != "win32":
        monkeypatch.setattr(fcntl, "flock", no_locks)
    young, old = (tmp_path / f".mnistcnn-{digit * 12}.txt" for digit in "0f")
    strange = tmp_path / ".mnistcnn-notes"
    for one in (young, old, strange):
        one.write_text("")
        os.utime(one, (0, 0) if one != young else None)
    write_text(tmp_path / "a.txt", "")
    assert names(tmp_path) == [young.name, strange.name, "a.txt"]


@posix
def test_a_stranger_who_locks_the_folder_stops_no_write(tmp_path):
    stale = tmp_path / f".mnistcnn-{'0' * 12}"
    stale.write_text("")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    write_text(tmp_path / "a.txt", "")
    assert names(tmp_path) == [stale.name, "a.txt"]
    os.close(descriptor)
    write_text(tmp_path / "a.txt", "")
    assert names(tmp_path) == ["a.txt"]
