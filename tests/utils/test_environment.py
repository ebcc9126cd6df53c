"""Other runtimes are imported without a report to their makers."""

import importlib.util
import os
import subprocess
import sys

import pytest

from mnistcnn.utils.environment import import_openvino

openvino_alone = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra openvino is not installed"
)
NAMES = [pytest.param("onnxruntime"), pytest.param("openvino", marks=openvino_alone)]


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def run(code, home, **variables):
    """In a process that is no continuous integration, where some are silent by themselves."""
    silenced = ("ORT_DISABLE_TELEMETRY", "CI", "TF_BUILD", "JENKINS_URL", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in silenced}
    result = subprocess.run(
        [sys.executable, "-c", f"import sys, os\nfrom mnistcnn.utils import environment\n{code}"],
        capture_output=True, text=True, check=True,
        env={**environment, "HOME": str(home), **variables},
    )  # fmt: skip
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="a home as POSIX has it")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_in_the_users_home(name, home):
    said = run(f"print(environment.{name}().__name__, 'openvino_telemetry' in sys.modules)", home)
    assert said == [name, "False"]
    assert not list(home.rglob("*"))


def test_the_users_own_setting_stays(home):
    code = "environment.onnxruntime(); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(code, home, ORT_DISABLE_TELEMETRY="true") == ["true"]
    assert run(code, home) == ["1"]


@openvino_alone
def test_what_was_imported_before_is_taken_as_it_is(monkeypatch):
    module = import_openvino()
    assert import_openvino() is module
    reporter = type(sys)("openvino_telemetry")
    monkeypatch.setitem(sys.modules, "openvino_telemetry", reporter)
    assert import_openvino() is module
    assert sys.modules["openvino_telemetry"] is reporter
