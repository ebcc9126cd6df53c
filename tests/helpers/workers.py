"""Worker processes of one cluster on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def tf_config(ports, index, job="worker"):
    """Return the TF_CONFIG of one of the workers on the ports."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})


def subprocess_env(**variables):
    """Return the environment of a subprocess that imports the tests' helpers."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | variables


class Workers:
    """Processes that run the same module, each in its own folder."""

    def __init__(self, folder, count, *arguments):
        ports = free_ports(count)
        self.folders = [folder / str(rank) for rank in range(count)]
        self.processes = []
        for rank, worker_folder in enumerate(self.folders):
            worker_folder.mkdir(exist_ok=True)
            environment = subprocess_env(TF_CONFIG=tf_config(ports, rank), PYTHONUNBUFFERED="1")
            with (worker_folder / "output").open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", *arguments],
                    cwd=worker_folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
                )  # fmt: skip
            self.processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.processes:
            process.kill()
            process.wait()

    def exit_codes(self, timeout):
        deadline = time.monotonic() + timeout
        return [process.wait(timeout=deadline - time.monotonic()) for process in self.processes]

    def outputs(self):
        return [(folder / "output").read_text() for folder in self.folders]

    def reports(self):
        """Return what each worker wrote to ``report.json``; a killed one wrote none."""
        paths = [folder / "report.json" for folder in self.folders]
        return [json.loads(path.read_text()) for path in paths if path.exists()]
