"""Reading is bounded; writing leaves the old file or the new one."""

import stat
import sys

import pytest

from mnistcnn import CorruptFileError
from mnistcnn._files import read_limited, replacing, write_text


def test_reads_up_to_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, limit=5) == b"12345"
    with pytest.raises(CorruptFileError, match=r"file must hold at most 4 bytes; it holds 5"):
        read_limited(path, limit=4)


def test_writes_whole_and_makes_folders(tmp_path):
    path = tmp_path / "new" / "folder" / "ünïcode.txt"
    write_text(path, "first\n")
    write_text(path, "zweite ×\n")
    assert path.read_text(encoding="utf-8") == "zweite ×\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["ünïcode.txt"]


def test_the_new_file_takes_the_place_in_one_step(tmp_path):
    """Whoever has the old file open goes on reading the old one, never a mixture."""
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path, error):
    path = tmp_path / "kept.keras"
    path.write_text("old")

    def write():
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.keras"]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.keras", ".keras"), ("a.b.h5", ".h5"), ("a.weights.h5", ".weights.h5"), ("a", "")],
)
def test_the_temporary_name_keeps_the_suffix(tmp_path, name, suffix):
    with replacing(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(suffix)
        temporary.write_text("")
    assert (tmp_path / name).exists()


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(IsADirectoryError, match="must be a file; it is a folder"):
        write_text(tmp_path, "")


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes as POSIX has them")
def test_links_are_followed_and_modes_kept(tmp_path):
    target = tmp_path / "target.txt"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
