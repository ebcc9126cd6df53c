"""Outputs do not replace inputs, whatever their names."""

import pytest

from mnistcnn import write_sheet
from mnistcnn.cli import common
from mnistcnn.cli.read import SUFFIXES
from mnistcnn.data.formats.image_folder import PICTURE_SUFFIXES
from mnistcnn.utils.outputs import check_not_input, is_own_file


@pytest.mark.parametrize(
    "suffix",
    [
        *sorted({*PICTURE_SUFFIXES, *SUFFIXES} - {".mpo"}),
        ".npz",
        ".npy",
        ".csv",
        ".tsv",
        ".csv.gz",
        ".zip",
        ".idx3-ubyte",
        "-ubyte",
    ],
)
def test_a_link_to_a_file_in_a_folder_of_data_is_an_input(suffix, tmp_path):
    folder = tmp_path / "data" / "0"
    folder.mkdir(parents=True)
    (folder / f"a{suffix}").touch()
    output = tmp_path / "report.html"
    output.symlink_to(folder / f"a{suffix}")
    with pytest.raises(FileExistsError, match="an output must not replace an input"):
        check_not_input(output, [tmp_path / "data"])


def write_figure(path):
    from matplotlib.figure import Figure

    common.save_figure(path, Figure())


def write_json(path):
    common.save_json(path, {"command": "train", "versions": common.versions()})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("history.png", write_figure),
        ("sheet.png", write_sheet),
        ("sheet.pdf", write_sheet),
        ("result.json", write_json),
        ("evaluation.json", lambda path: common.save_json(path, {"versions": common.versions()})),
    ],
)
def test_files_of_this_package_are_recognized(name, write, tmp_path):
    write(tmp_path / name)
    assert is_own_file(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        b"notes on mnistcnn",
        b"<!doctype html><title>mnistcnn and others</title>",
        b'{"note": "of mnistcnn", "command": "mnistcnn train"}',
        b'{"results": {"mnistcnn": 0.99}, "versions": {"mnistcnn": "1.0"}}',
        b"\x89PNG\r\n\x1a\n\0\0\0\x20tEXtComment\0made for mnistcnn",
        b"%PDF-1.4 /Title (mnistcnn) /Creator (someone)",
    ],
)
def test_files_that_mention_this_package_are_not_its_own(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert not is_own_file(tmp_path / "a")
