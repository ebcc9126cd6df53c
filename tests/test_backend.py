"""Importing Keras drops TensorFlow's start-up log and keeps all other output."""

import os
import platform
import subprocess
import sys

import pytest

# The finder stands in for TensorFlow, which takes seconds to import.
FAKE_IMPORT = """
import ctypes, os, sys, types
def log(text):
    libc = ctypes.CDLL(None)
    libc.fputs(text, ctypes.c_void_p.in_dll(libc, "stderr"))
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "tensorflow":
            log(b"I0000 00:00:1795 port.cc:153] oneDNN custom operations are on.\\n")
            log(b"the disk is full\\n")
            os.write(2, b"I0000 00:00: written by Python\\n")
            raise ImportError("no tensorflow here")
sys.meta_path.insert(0, Finder())
sys.modules["keras"] = types.ModuleType("keras")
import mnistcnn.backend
"""


def run(code, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**environment, **variables},
    )  # fmt: skip


def test_only_the_log_is_dropped_also_when_the_import_fails():
    result = run(FAKE_IMPORT)
    assert "oneDNN" not in result.stderr
    assert "the disk is full\n" in result.stderr
    assert "written by Python\n" in result.stderr
    assert "ImportError: no tensorflow here" in result.stderr


def test_the_log_is_shown_if_the_user_sets_its_level():
    assert "oneDNN custom operations" in run(FAKE_IMPORT, TF_CPP_MIN_LOG_LEVEL="0").stderr
    assert "oneDNN custom operations" not in run(FAKE_IMPORT, TF_CPP_MIN_LOG_LEVEL="3").stderr


REJECTED = (
    "ImportError: mnistcnn needs Keras on TensorFlow; received the Keras backend {!r}: set the "
    "environment variable KERAS_BACKEND to 'tensorflow' and restart Python\n"
)


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_the_variable_of_another_backend_is_rejected_before_keras_is_imported(name):
    result = run("from mnistcnn import train", KERAS_BACKEND=name)
    assert result.stderr.endswith(REJECTED.format(name))
    assert "No module named" not in result.stderr


def test_a_backend_of_the_configuration_file_that_is_not_installed_is_rejected():
    code = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'keras':\n"
        "            raise ModuleNotFoundError(\"No module named 'jax'\", name='jax')\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import mnistcnn.backend"
    )
    result = run(code)
    assert result.stderr.endswith(REJECTED.format("jax"))
    assert "No module named" not in result.stderr
    missing = run(code.replace("name='jax'", "name='h5py'"))  # something else is missing
    assert "ModuleNotFoundError: No module named 'jax'" in missing.stderr


def test_another_keras_backend_is_rejected():
    code = (
        "import sys, types; keras = types.ModuleType('keras');"
        "keras.backend = types.SimpleNamespace(backend=lambda: 'jax');"
        "sys.modules['keras'] = keras; sys.modules['tensorflow'] = types.ModuleType('tf');"
        "import mnistcnn.backend"
    )
    assert run(code).stderr.endswith(REJECTED.format("jax"))


def test_a_process_without_standard_error_can_import():
    silent = FAKE_IMPORT.replace("os.write(2, ", "str(").replace("import mnistcnn.backend\n", "")
    attempt = "try:\n    import mnistcnn.backend\nexcept ImportError as error:\n    print(error)"
    assert run(f"import os; os.close(2)\n{silent}\n{attempt}").stdout == "no tensorflow here\n"


def test_a_process_that_imported_tensorflow_first_is_warned_once():
    code = (
        "import sys, types, warnings; keras = types.ModuleType('keras');"
        "keras.backend = types.SimpleNamespace(backend=lambda: 'tensorflow');"
        "sys.modules['keras'] = keras; sys.modules['tensorflow'] = types.ModuleType('tf');"
        "from mnistcnn.utils import environment;"
        "environment._ONEDNN_FEATURES = set();"
        "import mnistcnn.backend; import mnistcnn.backend; import os;"
        "print('TF_NUM_INTRAOP_THREADS' in os.environ)"
    )
    variables = {"TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"}
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept
    )
    assert result.stdout == "False\n"
    if sys.platform == "linux" and platform.machine() == "x86_64":
        assert result.stderr.count("UserWarning: TensorFlow was imported before mnistcnn") == 1
