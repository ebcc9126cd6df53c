"""Only matching lines of C code are dropped; the file descriptor of the process is left alone."""

import ctypes
import io
import os
import re
import subprocess
import sys
import threading
import time

import pytest

from mnistcnn.utils import stderr
from mnistcnn.utils.stderr import filter_stderr, is_terminal

NOISE = re.compile(rb"noise: ")

needs_glibc = pytest.mark.skipif(
    stderr._memory_stream() is None, reason="the stream of another C library can't be exchanged"
)


def write(text):
    """Write to the C library's stderr, as native libraries do."""
    libc = ctypes.CDLL(None)
    libc.fputs(text, ctypes.c_void_p.in_dll(libc, "stderr"))


@needs_glibc
def test_only_matching_lines_are_dropped_also_if_the_block_raises(capfd):
    def fail():
        with filter_stderr(NOISE):
            write(b"noise: one\na word\nnoise: two\nno noise: three\n")
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        fail()
    assert capfd.readouterr().err == "a word\nno noise: three\n"
    write(b"noise: after the block\n")
    assert capfd.readouterr().err == "noise: after the block\n"


@needs_glibc
def test_blocks_in_threads_restore_the_stream(capfd):
    barrier = threading.Barrier(4)

    def run(number):
        barrier.wait()
        for repetition in range(20):
            with filter_stderr(NOISE):
                write(b"noise: x\n%d\n" % number)
                time.sleep(0.0005 * ((number + repetition) % 4))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write(b"noise: after\n")
    assert sorted(capfd.readouterr().err.split()) == sorted([*"0123" * 20, "noise:", "after"])


def test_python_other_threads_and_child_processes_write_at_once(capfd):
    """Also what they write matches, and also if the process is killed in the block."""
    expected = [f"noise: {name}\n" for name in ("Python", "descriptor", "thread", "child")]
    with filter_stderr(NOISE):
        sys.stderr.write("noise: Python\n")
        sys.stderr.flush()
        os.write(2, b"noise: descriptor\n")
        thread = threading.Thread(target=os.write, args=(2, b"noise: thread\n"))
        thread.start()
        thread.join()
        code = "import os; os.write(2, b'noise: child\\n')"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert capfd.readouterr().err == "".join(expected)


def test_nothing_is_written_to_a_file_with_the_number_of_absent_standard_error(capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "__stderr__", None)
    with filter_stderr(NOISE):
        write(b"a word\n")
    assert not is_terminal()
    if stderr._memory_stream() is not None:
        assert capfd.readouterr().err == ""


@needs_glibc
def test_standard_error_may_be_set_to_none_or_closed(capfd, monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        with filter_stderr(NOISE):
            write(b"noise: one\na word\n")
        assert not is_terminal()
    assert capfd.readouterr().err == "a word\na word\n"


@pytest.mark.parametrize("version", [None, "musl 1.2", OSError(22, "Invalid argument")])
def test_with_another_c_library_all_lines_are_shown(version, capfd, monkeypatch):
    def confstr(name):
        if isinstance(version, OSError):
            raise version
        return version

    monkeypatch.setattr(os, "confstr", confstr)
    stderr._memory_stream.cache_clear()
    try:
        with filter_stderr(NOISE):
            write(b"noise: shown\n")
    finally:
        stderr._memory_stream.cache_clear()
    assert capfd.readouterr().err == "noise: shown\n"
