"""Only matching lines are dropped, and standard error is restored."""

import os
import re
import tempfile
import threading
import time

import pytest

from mnistcnn.utils.stderr import filter_stderr

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
