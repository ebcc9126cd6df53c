"""mnistcnn serve: its options; tests/serve tests the service itself."""

import pytest
import uvicorn

from mnistcnn.cli.main import main
from mnistcnn.serve.settings import VARIABLE, Settings
from mnistcnn.utils.environment import cpu_count


@pytest.fixture
def runs(monkeypatch):
    """The settings and the arguments of uvicorn, for each server that would be started."""
    monkeypatch.setenv(VARIABLE, "")
    runs = []

    def run(app, **arguments):
        runs.append((Settings.from_environment(), app, arguments))

    monkeypatch.setattr(uvicorn, "run", run)
    return runs


def test_the_default_serves_this_machine_only(runs, capsys):
    assert main(["serve"]) == 0
    ((settings, app, arguments),) = runs
    assert settings == Settings()
    assert app == "mnistcnn.serve.app:create_app"
    assert (arguments["host"], arguments["port"], arguments["workers"]) == ("127.0.0.1", 8000, 1)
    assert arguments["log_config"]["root"]["level"] == "INFO"
    assert capsys.readouterr() == ("", "")


def test_every_option_reaches_the_server(runs):
    options = (
        "--host 0.0.0.0 --port 0 --weights robust --workers 2 --max-bytes 1000 --max-pixels 2000 "
        "--timeout 3.5 --concurrency 4 --max-waiting 5 --log-level warning"
    )
    assert main(["serve", *options.split()]) == 0
    ((settings, _, arguments),) = runs
    assert settings == Settings(
        weights="robust",
        max_bytes=1000,
        max_pixels=2000,
        timeout=3.5,
        concurrency=4,
        max_waiting=5,
    )
    assert (arguments["host"], arguments["port"], arguments["workers"]) == ("0.0.0.0", 0, 2)
    assert arguments["log_config"]["root"]["level"] == "WARNING"
    assert arguments["timeout_graceful_shutdown"] > 3.5


def test_cores_are_divided_among_the_processes(runs):
    assert main(["serve", "--workers", str(cpu_count())]) == 0
    assert main(["serve", "--workers", "64"]) == 0
    assert [settings.concurrency for settings, *_ in runs] == [1, 1]


def test_quiet_logs_errors_only(runs):
    assert main(["serve", "--quiet"]) == 0
    assert runs[0][2]["log_config"]["root"]["level"] == "ERROR"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "bset"], "weights must be 'best', 'robust' or a file that ends in .keras or .h5 or .onnx or .safetensors; received 'bset'; did you mean 'best'?"),
        (["--timeout", "0"], "timeout must be greater than 0; received 0.0"),
        (["--max-bytes", "0"], "max_bytes must be at least 1; received 0"),
        (["--concurrency", "0"], "concurrency must be at least 1; received 0"),
    ],
)  # fmt: skip
def test_an_invalid_setting_is_one_line(runs, arguments, message, capsys):
    assert main(["serve", *arguments]) == 1
    assert capsys.readouterr().err == f"mnistcnn: {message}\n"
    assert runs == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "65536"], "argument --port: must lie in 0...65535; received 65536"),
        (["--port", "http"], "argument --port: invalid integer value: 'http'"),
        (["--workers", "0"], "argument --workers: must be at least 1; received 0"),
        (["--log-level", "all"], "argument --log-level: invalid choice: 'all'"),
    ],
)
def test_invalid_usage_exits_with_2(runs, arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["serve", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("module", ["uvicorn", "fastapi"])
def test_a_missing_extra_is_one_line_with_the_remedy(runs, module, capsys, monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.environment.is_installed", lambda name: name != module)
    assert main(["serve"]) == 1
    expected = f"mnistcnn: mnistcnn serve needs {module}; pip install 'mnistcnn[serve]'\n"
    assert capsys.readouterr().err == expected
