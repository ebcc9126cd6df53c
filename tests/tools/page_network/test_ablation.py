"""The ablation of the synthetic pages names what exists, and runs."""

import json
import subprocess
import sys

import pytest

from benchmarks.harness import ROOT
from tests.helpers.workers import subprocess_env
from tools.page_network.ablation import GROUPS
from tools.page_network.effects import HARD_EFFECTS
from tools.page_network.layout import KINDS, PAPERS


def test_groups_are_kinds_papers_and_effects():
    names = [name for group in GROUPS.values() for name in group]
    assert set(names) <= {*KINDS, *PAPERS, *HARD_EFFECTS}
    assert GROUPS["nothing"] == ()
    assert "print with digits" not in GROUPS["pages without digits"]
    assert "blank" in GROUPS["pages without digits"]


@pytest.mark.slow
def test_smoke_run_trains_with_all_pages_and_without_a_group(tmp_path):
    output = tmp_path / "ablation.json"
    command = [sys.executable, "-m", "tools.page_network.ablation", "--smoke"]
    options = ["--folder", str(tmp_path / "runs"), "--output", str(output)]
    subprocess.run(
        [*command, *options], cwd=ROOT, env=subprocess_env(), check=True, capture_output=True
    )
    report = json.loads(output.read_text())
    assert list(report["left_out"]) == list(GROUPS)[:2]
    for title, result in report["left_out"].items():
        assert result["names"] == list(GROUPS[title])
        assert {"precision", "recall", "class_accuracy"} <= set(result["validation"])
