"""What builds and publishes the package runs only code that was looked at, with few rights."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def text(request):
    return request.param.read_text()


def test_there_are_workflows():
    assert [path.stem for path in WORKFLOWS] == ["audit", "checks", "release"]


def test_each_action_is_named_by_a_commit_and_its_version(text):
    used = re.findall(r"uses: (.*)", text)
    assert used
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert len(used) == sum("uses" in step for step in steps(yaml.safe_load(text)))


def test_one_action_has_one_commit():
    used = {}
    for path in WORKFLOWS:
        for name, commit in re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40})", path.read_text()):
            assert used.setdefault(name, commit) == commit, name


def test_rights_are_few_and_nothing_secret_is_kept(text):
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in text
    assert "secrets." not in text
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job
        if name != "publish":
            assert "permissions" not in job
    for step in steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_the_job_that_may_publish_runs_nothing_of_ours():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "release"
    assert [set(step) & {"run"} for step in publish["steps"]] == [set(), set()]


def test_what_a_workflow_runs_is_there():
    for path in WORKFLOWS:
        for step in steps(yaml.safe_load(path.read_text())):
            command = step.get("run", "")
            if command.startswith("make "):
                assert f"\n{command.split()[1]}: " in (ROOT / "Makefile").read_text()
            if command.startswith(".ci/"):
                assert (ROOT / command).stat().st_mode & 0o111
