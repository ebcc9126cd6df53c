import json
import socket

import pytest

from mnistcnn.cli.main import main
from mnistcnn.training.distribute.cluster import ClusterSpec, cluster_from_env, connect
from tests.helpers.workers import free_ports, tf_config


@pytest.mark.parametrize(
    "text",
    [None, "", '{"cluster": {"worker": ["here:1"]}, "task": {"type": "worker", "index": 0}}'],
)
def test_cluster_of_one_process(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    cluster = cluster_from_env()
    assert cluster.world_size == 1
    assert cluster.is_chief


@pytest.mark.parametrize(
    ("job", "index", "rank"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]
)
def test_chief_has_rank_zero(monkeypatch, job, index, rank):
    config = {
        "cluster": {"worker": ["b:1", "c:1"], "chief": ["a:1"]},
        "task": {"type": job, "index": index},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    cluster = cluster_from_env()
    assert cluster == (("a:1", "b:1", "c:1"), rank)
    assert cluster.world_size == 3
    assert cluster.is_chief == (rank == 0)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {"worker": 5}}',
        tf_config([1, 2], 2),
        tf_config([1, 2], 0, "evaluator"),
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1e999}}',
    ],
)
def test_command_rejects_an_invalid_tf_config(text, monkeypatch, capsys):
    monkeypatch.setenv("TF_CONFIG", text)
    assert main(["train", "--data", "digits"]) == 1
    assert capsys.readouterr().err == (
        "mnistcnn: TF_CONFIG must be JSON with a cluster and one of its workers as the task; "
        f"received {text!r}\n"
    )


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("{" + "x" * 5000, r"'\{x{96}\.\.\.x{98}'"),
        ('{"a\x1b]0;owned\x07": 1}\nforged', r"""'\{"a\\x1b\]0;owned\\x07": 1\}\\nforged'"""),
        ("[" * 100_000, r"'\[{97,98}\.\.\.\[{98,99}'"),
    ],
)
def test_tf_config_is_quoted_escaped_and_shortened(text, quoted, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=f"; received {quoted}$") as caught:
        cluster_from_env()
    assert len(str(caught.value)) < 300


def test_chief_names_the_worker_that_does_not_connect():
    missing, open_port = free_ports(2)
    with socket.create_server(("127.0.0.1", open_port)):
        addresses = ("127.0.0.1:9", f"127.0.0.1:{open_port}", f"127.0.0.1:{missing}")
        with pytest.raises(
            ConnectionError,
            match=rf"^worker 2 at 127.0.0.1:{missing} must connect within 0.3 s; received ",
        ):
            connect(ClusterSpec(addresses), timeout=0.3)


def test_command_reports_a_worker_that_does_not_connect(monkeypatch, capsys):
    monkeypatch.setattr("mnistcnn.training.distribute.cluster._CONNECT_TIMEOUT", 0.1)
    ports = free_ports(2)
    monkeypatch.setenv("TF_CONFIG", tf_config(ports, 0))
    assert main(["train", "--data", "digits"]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith(
        f"mnistcnn: worker 1 at 127.0.0.1:{ports[1]} must connect within 0.1 s; received "
    )
