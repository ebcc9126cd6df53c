"""Outputs do not replace inputs, whatever their names."""

import pytest

from mnistcnn.cli.read import SUFFIXES
from mnistcnn.data.formats.image_folder import PICTURE_SUFFIXES
from mnistcnn.utils.outputs import check_not_input


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
