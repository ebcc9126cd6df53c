"""The steps of the Dockerfile, as far as they go without Docker."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial

import httpx2
import pytest

ROOT = pathlib.Path(__file__).parents[2]
WAIT = 120  # seconds; the machine may be busy
PORT = "8000"


def parse(text):
    """Return the instructions of a Dockerfile as pairs of name and arguments."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "")
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line]


INSTRUCTIONS = parse((ROOT / "Dockerfile").read_text())


def arguments_of(name):
    return [arguments for each, arguments in INSTRUCTIONS if each == name]


def test_the_container_runs_as_an_unprivileged_user_on_a_slim_image():
    assert all(re.match(r"python:3\.\d+-slim( |$)", image) for image in arguments_of("FROM"))
    (user,) = arguments_of("USER")
    assert all(int(number) >= 10_000 for number in user.split(":"))
    names = [name for name, _ in INSTRUCTIONS]
    assert names.index("USER") < names.index("ENTRYPOINT")
    # Nothing of the source remains in the second stage.
    assert [a for a in arguments_of("COPY") if "--from" not in a] == [". /source"]


def test_the_build_needs_nothing_that_is_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not {"src", "slim", "pyproject.toml", "README.md", "LICENSE"}.intersection(ignored)
    assert {".git", ".venv"} <= set(ignored)


def run_build(folder):
    """Run the steps of the first stage, with folders below `folder` for those of the image."""
    ignored = (ROOT / ".dockerignore").read_text().split()
    names = [
        *(name.removeprefix("**/") for name in ignored),
        ".*_cache",
        ".hypothesis",
        "node_modules",
    ]
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*names))
    places = {path: f"{folder}{path}" for path in ("/source", "/opt/mnistcnn")}
    places["python -m venv"] = f"{sys.executable} -m venv"
    pattern = re.compile("|".join(map(re.escape, places)))
    for step in arguments_of("RUN"):
        command = pattern.sub(lambda match: places[match[0]], step)
        result = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, timeout=900, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.fixture
def folder():
    """A folder that the user of the container can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        pathlib.Path(name).chmod(0o755)
        yield pathlib.Path(name)


def user_of_the_container(python):
    """Return the arguments of ``Popen`` for that user, where this one may run programs as another."""
    user, group = map(int, arguments_of("USER")[0].split(":"))
    arguments = {"user": user, "group": group, "extra_groups": []}
    try:
        subprocess.run([python, "-c", ""], check=True, **arguments)
    except PermissionError:  # not root, or the interpreter is in a private folder
        return {}
    return arguments


def wait_until_healthy(process, run_check):
    deadline = time.monotonic() + WAIT
    while run_check().returncode:
        assert process.poll() is None
        assert time.monotonic() < deadline


def check_service(binaries, picture):
    """Start the service as the container does, check its health, and let it read a picture."""
    port = free_port()
    (entry,), (options,), (check,) = map(arguments_of, ("ENTRYPOINT", "CMD", "HEALTHCHECK"))
    command = json.loads(entry) + json.loads(options)
    health = json.loads(check.partition("CMD ")[2])
    command, health = ([part.replace(PORT, port) for part in each] for each in (command, health))
    environment = dict(pair.split("=", 1) for pair in shlex.split(arguments_of("ENV")[0]))
    environment["PATH"] = f"{binaries}:{os.environ['PATH']}"
    place = {
        "env": environment,
        "cwd": "/",
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **user_of_the_container(binaries / "python"),
    }
    process = subprocess.Popen([binaries / command[0], *command[1:]], **place)
    try:
        run_check = partial(
            subprocess.run, [binaries / health[0], *health[1:]], check=False, **place
        )
        wait_until_healthy(process, run_check)
        response = httpx2.post(f"http://127.0.0.1:{port}/read", content=picture, timeout=WAIT)
        assert response.json()["images"][0]["text"] == "871"
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=WAIT)
    assert process.returncode == -signal.SIGTERM, log


@pytest.mark.release
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform == "win32", reason="runs a POSIX shell")
def test_the_steps_make_a_service_that_writes_nothing(folder, picture):
    run_build(folder)
    shutil.rmtree(folder / "source")
    environment = folder / "opt/mnistcnn"
    for package in ("tensorflow", "keras"):
        assert not list(environment.glob(f"lib/*/site-packages/{package}"))
    started = time.time()
    check_service(environment / "bin", picture)
    written = [path for path in environment.rglob("*") if path.lstat().st_mtime > started]
    assert written == []
