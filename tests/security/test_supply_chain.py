"""The workflows use pinned actions and minimal permissions."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow_text(request):
    return request.param.read_text()


def test_the_list_of_workflows():
    assert [path.stem for path in WORKFLOWS] == ["audit", "checks", "docs", "release"]


def test_actions_are_pinned_to_a_commit_with_a_version_comment(workflow_text):
    used = re.findall(r"uses: (.*)", workflow_text)
    assert used
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert len(used) == sum("uses" in step for step in steps(yaml.safe_load(workflow_text)))


def test_an_action_is_pinned_to_the_same_commit_everywhere():
    used = {}
    for path in WORKFLOWS:
        for name, commit in re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40})", path.read_text()):
            assert used.setdefault(name, commit) == commit, name


def test_permissions_are_minimal_and_no_secrets_are_used(workflow_text):
    workflow = yaml.safe_load(workflow_text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow_text
    assert "secrets." not in workflow_text
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job
        if name not in ("attest", "publish"):
            assert "permissions" not in job
    for step in steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(
    ("name", "job", "permissions", "environment"),
    [
        ("release", "publish", {"id-token"}, "release"),
        ("release", "attest", {"id-token", "attestations"}, None),
        ("docs", "publish", {"id-token", "pages"}, "github-pages"),
    ],
)
def test_a_job_that_may_write_runs_no_code_of_the_repository(name, job, permissions, environment):
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    content = workflow["jobs"][job]
    assert content["permissions"] == dict.fromkeys(permissions, "write")
    assert content.get("environment") == environment
    for step in content["steps"]:
        assert "checkout" not in step.get("uses", "")
        assert step.get("run", "rm dist/*.cdx.json") == "rm dist/*.cdx.json"


def test_every_python_of_the_metadata_is_tested():
    text = (ROOT / "pyproject.toml").read_text()
    supported = re.findall(r"Programming Language :: Python :: (3\.\d+)", text)
    jobs = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())["jobs"]
    assert jobs["checks"]["strategy"]["matrix"]["python"] == supported
    systems = jobs["systems"]["strategy"]["matrix"]
    assert systems["python"] == [supported[0], supported[-1]]
    assert {name.partition("-")[0] for name in systems["system"]} == {"windows", "macos"}


def test_the_commands_of_workflows_exist():
    for path in WORKFLOWS:
        for step in steps(yaml.safe_load(path.read_text())):
            command = step.get("run", "")
            if command.startswith("make "):
                assert f"\n{command.split()[1]}: " in (ROOT / "Makefile").read_text()
            if command.startswith(".ci/"):
                assert (ROOT / command).stat().st_mode & 0o111
