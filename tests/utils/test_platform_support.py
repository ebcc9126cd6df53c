"""What differs on Windows, simulated."""

import errno
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from mnistcnn.cli.main import main
from mnistcnn.cli.train import _sigterm_as_interrupt
from mnistcnn.images import decoder_worker
from mnistcnn.utils import lock, platform_support, safe_read, stderr
from mnistcnn.utils.atomic_write import atomic_write_directory, write_text

ARGUMENTS = ["mnistcnn", "train", "--output", "my run", 'a"b', "it's"]


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(platform_support, "is_windows", lambda: True)


def test_the_system_is_recognized():
    assert platform_support.is_windows() is (sys.platform == "win32")


def test_a_command_line_is_quoted_for_posix_shells(monkeypatch):
    monkeypatch.setattr(platform_support, "is_windows", lambda: False)
    assert shlex.split(platform_support.join_command(ARGUMENTS)) == ARGUMENTS


def test_a_command_line_is_quoted_for_windows(windows):
    line = platform_support.join_command(ARGUMENTS)
    assert line == subprocess.list2cmdline(ARGUMENTS)
    assert '"my run"' in line


def test_a_closed_pipe(monkeypatch):
    invalid = OSError(errno.EINVAL, "Invalid argument")
    for windows in (True, False):
        monkeypatch.setattr(platform_support, "is_windows", lambda windows=windows: windows)
        assert platform_support.is_closed_pipe(BrokenPipeError())
        assert platform_support.is_closed_pipe(invalid) is windows
        assert not platform_support.is_closed_pipe(OSError(errno.ENOSPC, "No space"))


def test_the_command_ends_quietly_if_a_pipe_is_closed_on_windows(windows, monkeypatch, capsys):
    class Closed:
        def write(self, text):
            return len(text)

        def flush(self):
            raise OSError(errno.EINVAL, "Invalid argument")

        def fileno(self):
            raise OSError(errno.EBADF, "none")

        def isatty(self):
            return False

    monkeypatch.setattr("mnistcnn.cli.main.discard_unwritable", lambda: None)
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["info", "--json"]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="uses a POSIX signal as Ctrl-Break")
def test_ctrl_break_stops_a_training_like_sigterm(monkeypatch):
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    assert platform_support.stop_signals() == [signal.SIGTERM, signal.SIGUSR1]
    with pytest.raises(KeyboardInterrupt) as caught, _sigterm_as_interrupt():
        signal.raise_signal(signal.SIGUSR1)
    assert caught.value.code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_without_ctrl_break_sigterm_is_the_only_signal(monkeypatch):
    monkeypatch.delattr(signal, "SIGBREAK", raising=False)
    assert platform_support.stop_signals() == [signal.SIGTERM]


def test_a_worker_gets_its_own_process_group(monkeypatch):
    monkeypatch.setattr(platform_support, "is_windows", lambda: False)
    assert platform_support.own_process_group() == {"start_new_session": True}
    monkeypatch.setattr(platform_support, "is_windows", lambda: True)
    assert platform_support.own_process_group() == {"creationflags": 0x200}


class BusyPath:
    """A file whose target another program keeps open for some attempts."""

    def __init__(self, failures):
        self.failures = failures
        self.attempts = 0

    def replace(self, target):
        self.attempts += 1
        if self.attempts <= self.failures:
            raise PermissionError(errno.EACCES, "in use")


def test_a_busy_file_is_replaced_once_it_is_free(windows, monkeypatch):
    pauses = []
    monkeypatch.setattr(platform_support.time, "sleep", pauses.append)
    source = BusyPath(3)
    platform_support.replace_file(source, "target")
    assert (source.attempts, pauses) == (4, [0.01, 0.02, 0.04])
    endless = BusyPath(99)
    with pytest.raises(PermissionError):
        platform_support.replace_file(endless, "target")
    assert endless.attempts == 10
    assert sum(pauses[3:]) < 6


def test_other_systems_do_not_wait(monkeypatch):
    monkeypatch.setattr(platform_support, "is_windows", lambda: False)
    source = BusyPath(1)
    with pytest.raises(PermissionError):
        platform_support.replace_file(source, "target")
    assert source.attempts == 1


def test_a_write_waits_for_a_busy_file(windows, monkeypatch, tmp_path):
    path_type = type(tmp_path)
    replace, calls = path_type.replace, []

    def busy_once(self, target):
        calls.append(target)
        if len(calls) == 1:
            raise PermissionError(errno.EACCES, "in use")
        return replace(self, target)

    monkeypatch.setattr(path_type, "replace", busy_once)
    write_text(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").read_text() == "text"
    assert len(calls) == 2


def test_a_folder_waits_for_a_program_that_has_one_of_its_files_open(
    windows, monkeypatch, tmp_path
):
    path_type = type(tmp_path)
    replace, calls = path_type.replace, []

    def busy_each_first_time(self, target):
        calls.append(target)
        if len(calls) % 2:
            raise PermissionError(errno.EACCES, "in use")
        return replace(self, target)

    monkeypatch.setattr(platform_support.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(path_type, "replace", busy_each_first_time)
    target = tmp_path / "model"
    for text in ("old", "new"):
        with atomic_write_directory(target, check=lambda folder: None) as temporary:
            temporary.mkdir()
            (temporary / "a.txt").write_text(text)
    assert (target / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert len(calls) == 6


def test_a_lock_that_is_being_deleted_is_free_soon(monkeypatch, tmp_path):
    """Windows does not open a file that is deleted while another program has it open."""

    def deleting(path, *, follow_links):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(lock, "open_regular", deleting)
    with (
        pytest.raises(PermissionError, match="in use"),
        lock.file_lock(tmp_path / "lock", timeout=0),
    ):
        pass
    monkeypatch.setattr(lock, "is_windows", lambda: True)
    with lock.file_lock(tmp_path / "lock", timeout=0):
        pass


def test_files_are_read_without_the_flags_of_posix(monkeypatch, tmp_path):
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "SEEK_DATA", "SEEK_HOLE"):
        monkeypatch.delattr(os, name, raising=False)
    (tmp_path / "file").write_bytes(b"1\r\n\x1a2")
    for follow_links in (True, False):
        content = safe_read.read_limited(tmp_path / "file", limit=5, follow_links=follow_links)
        assert content == b"1\r\n\x1a2"
    with safe_read.open_regular(tmp_path / "file") as file:
        assert safe_read.data_size(file) == 5


def test_a_decoder_has_no_limits_of_its_own_without_the_module_resource(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    decoder_worker._limit_memory(1)
    decoder_worker._limit_time(0)
    assert len(bytearray(1_000_000)) == 1_000_000


def test_no_stream_of_the_c_library_is_exchanged_on_windows(monkeypatch, capfd):
    monkeypatch.delattr(os, "confstr", raising=False)
    stderr._memory_stream.cache_clear()
    try:
        with stderr.filter_stderr(re.compile(b".*")):
            os.write(2, b"kept\n")
    finally:
        stderr._memory_stream.cache_clear()
    assert capfd.readouterr().err == "kept\n"
