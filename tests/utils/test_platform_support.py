"""What differs on Windows, simulated."""

import errno
import shlex
import signal
import subprocess
import sys

import pytest

from mnistcnn.cli.main import main
from mnistcnn.cli.train import _sigterm_as_interrupt
from mnistcnn.utils import platform_support
from mnistcnn.utils.atomic_write import write_text

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
