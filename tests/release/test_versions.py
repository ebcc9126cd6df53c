"""The version of a release, and the address of the repository."""

import subprocess

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


def test_the_address_of_the_repository_must_be_that_of_the_remote(tmp_path):
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.mnistcnn]\nrepository = "https://github.com/owner/name"\n')

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    assert check_repository(tmp_path) == "https://github.com/owner/name"
    git("remote", "add", "origin", "https://github.com/owner/name.git")
    check_repository(tmp_path)
    git("remote", "set-url", "origin", "git@github.com:someone/else.git")
    with pytest.raises(
        SystemExit,
        match=r"must be the address of this repository, https://github.com/someone/else; received",
    ):
        check_repository(tmp_path)
    settings.write_text('[tool.mnistcnn]\nrepository = ""\n')
    with pytest.raises(SystemExit, match=r"someone/else; received ''$"):
        check_repository(tmp_path)
    git("remote", "set-url", "origin", "/a/folder")
    assert check_repository(tmp_path) == ""
