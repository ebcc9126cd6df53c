"""Cores, versions, TensorFlow's settings, and imports of runtimes without telemetry."""

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import mnistcnn
from mnistcnn.utils.environment import (
    TF_COMMAND_DEFAULTS,
    TF_DEFAULTS,
    cpu_count,
    import_openvino,
    library_versions,
    require_extra,
    set_tf_defaults,
    software_versions,
    tf_settings,
    warn_of_slow_convolutions,
)

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra openvino is not installed"
)


def test_set_tf_defaults_keeps_the_users_values(monkeypatch):
    for name in TF_COMMAND_DEFAULTS:
        monkeypatch.setenv(name, "")  # restored at the end
        monkeypatch.delenv(name)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert tf_settings() == {**TF_DEFAULTS, "TF_NUM_INTRAOP_THREADS": "7"}
    set_tf_defaults(command=True)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "7"
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"


def test_only_the_command_limits_the_threads_of_tensorflow(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    set_tf_defaults()
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ
    set_tf_defaults(command=True)
    assert int(os.environ["TF_NUM_INTRAOP_THREADS"]) == max(1, cpu_count() // 2)


@pytest.mark.parametrize(
    ("cpuinfo", "variable", "warns"),
    [
        ("processor : 0\nflags : fpu sse avx2 fma\n", None, True),
        ("flags : avx2 avx512_vnni\n", None, False),  # on by default
        ("flags : avx2\n", "0", False),  # the user's choice
        ("Features : fp asimd\n", None, False),  # ARM
        (None, None, False),  # not Linux
    ],
)
def test_a_warning_if_onednn_cannot_be_enabled(cpuinfo, variable, warns, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", variable or "")
    if variable is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")

    def read_text(path, encoding):
        assert path == Path("/proc/cpuinfo")
        if cpuinfo is None:
            raise FileNotFoundError(path)
        return cpuinfo

    monkeypatch.setattr(Path, "read_text", read_text)
    if not warns:
        warn_of_slow_convolutions()
        return
    expected = (
        "^TensorFlow was imported before mnistcnn could enable oneDNN's convolutions, without "
        "which training takes longer; import build_model or train from mnistcnn before keras and "
        "tensorflow, or set TF_ENABLE_ONEDNN_OPTS=1$"
    )
    with pytest.warns(UserWarning, match=expected):
        warn_of_slow_convolutions()


def test_cpu_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count() == 1


def test_versions():
    versions = library_versions()
    assert list(versions) == ["mnistcnn", "keras", "tensorflow", "numpy"]
    assert versions["mnistcnn"] == mnistcnn.__version__
    assert versions["keras"] == keras.__version__
    assert software_versions() == {"python": platform.python_version(), **versions}


def test_a_missing_extra_is_named_with_its_install_command():
    expected = r"^a sweep needs not_installed; pip install 'mnistcnn\[ray\]'$"
    with pytest.raises(ModuleNotFoundError, match=expected):
        require_extra("a sweep", "not_installed", "ray")
    require_extra("a sweep", "json", "ray")


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def run(code, home, **variables):
    """Run code without the variables that disable telemetry, such as those of CI services."""
    silencing = ("ORT_DISABLE_TELEMETRY", "CI", "TF_BUILD", "JENKINS_URL", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in silencing}
    result = subprocess.run(
        [sys.executable, "-c", f"import sys, os\nfrom mnistcnn.utils import environment\n{code}"],
        capture_output=True, text=True, check=True,
        env={**environment, "HOME": str(home), **variables},
    )  # fmt: skip
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder as POSIX has it")
@pytest.mark.parametrize(
    "name", [pytest.param("onnxruntime"), pytest.param("openvino", marks=needs_openvino)]
)
def test_no_telemetry_file_is_written_to_the_home_folder(name, home):
    code = f"print(environment.import_{name}().__name__, 'openvino_telemetry' in sys.modules)"
    assert run(code, home) == [name, "False"]
    assert not list(home.rglob("*"))


def test_the_users_telemetry_setting_is_kept(home):
    code = "environment.import_onnxruntime(); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(code, home, ORT_DISABLE_TELEMETRY="true") == ["true"]
    assert run(code, home) == ["1"]


@needs_openvino
def test_an_earlier_import_of_openvino_is_used(monkeypatch):
    module = import_openvino()
    assert import_openvino() is module
    telemetry = type(sys)("openvino_telemetry")
    monkeypatch.setitem(sys.modules, "openvino_telemetry", telemetry)
    assert import_openvino() is module
    assert sys.modules["openvino_telemetry"] is telemetry
