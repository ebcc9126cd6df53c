"""Only matching lines are dropped, and standard error is restored."""

import io
import os
import re
import sys
import tempfile
import threading
import time

import pytest

from mnistcnn.utils.stderr import filter_stderr, is_terminal

NOISE = re.compile(rb"noise: ")


def test_only_matching_lines_are_dropped_also_if_the_block_raises(capfd):
    def fail():
        with filter_stderr(NOISE):
            os.write(2, b"noise: one\na word\nnoise: two\nno noise: three\n")
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        fail()
    assert capfd.readouterr().err == "a word\nno noise: three\n"


def test_threads_restore_standard_error(capfd):
    before = os.fstat(2)
    barrier = threading.Barrier(4)

    def write(number):
        barrier.wait()
        for repetition in range(20):
            with filter_stderr(NOISE):
                os.write(2, b"noise: x\n%d\n" % number)
                time.sleep(0.0005 * ((number + repetition) % 4))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(os.fstat(2), before)
    assert sorted(capfd.readouterr().err.split()) == sorted("0123" * 20)


def test_lines_are_shown_if_no_temporary_file_can_be_created(capfd, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with filter_stderr(NOISE):
        os.write(2, b"noise: shown\n")
    assert capfd.readouterr().err == "noise: shown\n"


def test_nothing_is_redirected_if_the_process_started_without_standard_error(capfd, monkeypatch):
    """The descriptor may belong to any file then."""
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "__stderr__", None)
    with filter_stderr(NOISE):
        os.write(2, b"noise: content of a file\n")
    assert not is_terminal()
    assert capfd.readouterr().err == "noise: content of a file\n"


def test_standard_error_may_be_set_to_none_or_closed(capfd, monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        with filter_stderr(NOISE):
            os.write(2, b"noise: one\na word\n")
        assert not is_terminal()
    assert capfd.readouterr().err == "a word\na word\n"
