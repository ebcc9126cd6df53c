"""mnistcnn --print-completion."""

import shutil
import subprocess
import sys

import pytest

from mnistcnn.cli.completion import SHELLS
from mnistcnn.cli.main import main

shtab = pytest.importorskip("shtab")

COMPLETE = """
source ./script
COMP_WORDS=({words}) COMP_CWORD={position}
_shtab_mnistcnn
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script(shell, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--print-completion", shell])
    assert caught.value.code in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script(shell, capsys):
    text = script(shell, capsys)
    for word in ("evaluate", "confusion-matrix", "overwrite"):
        assert word in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ev"], {"evaluate"}),
        (["train", "--recipe", ""], {"baseline", "fast", "best", "robust", "finetune"}),
        (["train", "--over"], {"--overwrite"}),
        (["plot", "cal"], {"calibration"}),
        (["evaluate", "mo"], {"model.keras"}),
        (["train", "--output", "mo"], {"model.keras"}),
    ],
)
def test_bash_completes(words, expected, capsys, tmp_path):
    (tmp_path / "script").write_text(script("bash", capsys))
    (tmp_path / "model.keras").write_text("")
    command = COMPLETE.format(
        words=" ".join(f"'{word}'" for word in ["mnistcnn", *words]), position=len(words)
    )
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert set(result.stdout.split()) == expected, result.stderr


def test_a_missing_library_is_named_with_its_install_command(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as caught:
        main(["--print-completion", "bash"])
    assert caught.value.code == 1
    expected = "mnistcnn: --print-completion needs shtab; pip install 'mnistcnn[completion]'\n"
    assert capsys.readouterr().err == expected
