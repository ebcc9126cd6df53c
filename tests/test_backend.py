"""Importing Keras: TensorFlow's own start-up log is dropped, everything else is kept."""

import os
import subprocess
import sys

from mnistcnn.backend import _TENSORFLOW_LOG
from mnistcnn.utils.environment import TF_DEFAULTS, cpu_count, set_tf_defaults, tf_settings


def run(code, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**environment, **variables},
    )  # fmt: skip


FAKE = """
import os, sys, types
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "tensorflow":
            os.write(2, b"I0000 00:00:1795 port.cc:153] oneDNN custom operations are on.\\n")
            os.write(2, b"the disk is full\\n")
            raise ImportError("no tensorflow here")
sys.meta_path.insert(0, Finder())
sys.modules["keras"] = types.ModuleType("keras")
import mnistcnn.backend
"""


def test_only_tensorflows_log_is_dropped_also_when_the_import_fails():
    result = run(FAKE)
    assert "oneDNN" not in result.stderr
    assert "the disk is full\n" in result.stderr
    assert "ImportError: no tensorflow here" in result.stderr


def test_a_user_who_wants_the_log_gets_it():
    assert "oneDNN custom operations" in run(FAKE, TF_CPP_MIN_LOG_LEVEL="0").stderr
    assert "oneDNN custom operations" not in run(FAKE, TF_CPP_MIN_LOG_LEVEL="3").stderr


def test_another_keras_backend_is_refused():
    code = (
        "import sys, types; keras = types.ModuleType('keras');"
        "keras.backend = types.SimpleNamespace(backend=lambda: 'jax');"
        "sys.modules['keras'] = keras; sys.modules['tensorflow'] = types.ModuleType('tf');"
        "import mnistcnn.backend"
    )
    expected = "ImportError: mnistcnn needs Keras on TensorFlow; Keras runs on 'jax': unset KERAS_"
    assert expected in run(code).stderr


def test_the_pattern_knows_the_lines_of_tensorflow():
    for line in (
        b"I0000 00:00:1795414190.481260    2122 port.cc:153] oneDNN custom operations are on.",
        b"E0000 00:00:1795414197.707885    2122 cuda_platform.cc:52] failed call to cuInit",
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        b"2026-01-01 14:44:05.157831: I external/local_xla/xla/tsl/cuda/cudart_stub.cc:32] Could",
    ):
        assert _TENSORFLOW_LOG.match(line)
    for line in (b"Traceback (most recent call last):", b"WARNING: low disk space", b"IndexError"):
        assert not _TENSORFLOW_LOG.match(line)


def test_a_process_without_standard_error_can_import():
    silent = FAKE.replace("os.write(2, ", "str(").replace("import mnistcnn.backend\n", "")
    attempt = "try:\n    import mnistcnn.backend\nexcept ImportError as error:\n    print(error)"
    assert run(f"import os; os.close(2)\n{silent}\n{attempt}").stdout == "no tensorflow here\n"


def test_settings_of_the_user_stay(monkeypatch):
    for name in TF_DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert tf_settings() == {**TF_DEFAULTS, "TF_NUM_INTRAOP_THREADS": "7"}
    set_tf_defaults()
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "7"
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"


def test_half_of_the_cores_each(monkeypatch):
    assert int(TF_DEFAULTS["TF_NUM_INTRAOP_THREADS"]) == max(1, cpu_count() // 2)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count() == 1
