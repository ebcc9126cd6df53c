"""The version of a release, and the address of the repository."""

import subprocess
import tomllib

import pytest

import mnistcnn
from tools.release.versions import ROOT, check_repository, check_versions, find_versions


def test_all_files_name_the_same_version():
    assert check_versions() == mnistcnn.__version__


def test_another_version_in_one_file_is_an_error(tmp_path):
    for name in find_versions():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((ROOT / name).read_text())
    (tmp_path / "CITATION.cff").write_text("version: 9.9\n")
    with pytest.raises(
        SystemExit, match=r"^all files must name the same version; received .*9\.9$"
    ):
        check_versions(tmp_path)
    (tmp_path / "CITATION.cff").write_text("title: none\n")
    with pytest.raises(SystemExit, match=r"^CITATION\.cff must name a version; it has no line"):
        check_versions(tmp_path)


def test_the_address_in_the_metadata_must_be_that_of_the_repository(tmp_path):
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    check_repository(tmp_path)
    git("remote", "add", "origin", f"{urls['Source']}.git")
    check_repository(tmp_path)
    git("remote", "set-url", "origin", "git@github.com:someone/else.git")
    with pytest.raises(
        SystemExit, match=r"must name this repository, https://github.com/someone/else"
    ):
        check_repository(tmp_path)
