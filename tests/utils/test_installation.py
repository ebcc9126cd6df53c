"""Two versions of the package in the same files are rejected."""

import pytest

import mnistcnn
from mnistcnn.utils.installation import check_single_version


@pytest.fixture
def install(tmp_path):
    package = tmp_path / "mnistcnn"
    package.mkdir()

    def install(*names):
        for name in names:
            (tmp_path / f"{name}.dist-info").mkdir()
        check_single_version(str(package))

    return install


def test_one_distribution_or_both_of_one_version(install):
    install()
    install("mnistcnn-0.1.0", "numpy-2.4.6", "mnistcnn_slim_tools-9.0")
    install("mnistcnn_slim-0.1.0")


def test_two_versions_are_refused(install):
    expected = (
        r"^mnistcnn must be installed in one version; received mnistcnn 0\.1\.0 and mnistcnn-slim "
        r"0\.2\.0, which share their files: pip uninstall mnistcnn mnistcnn-slim, then pip install "
        r"one of them$"
    )
    with pytest.raises(ImportError, match=expected):
        install("mnistcnn-0.1.0", "mnistcnn_slim-0.2.0")


def test_a_package_without_a_folder_is_not_checked(tmp_path):
    check_single_version(str(tmp_path / "archive.zip" / "mnistcnn"))


def test_the_import_checks_the_folder_of_the_package(monkeypatch):
    assert mnistcnn._check_single_version is check_single_version
