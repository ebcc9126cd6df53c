"""Bounded reading of files, JSON and zip archives."""

import io
import json
import os
import pathlib
import zipfile

import pytest

from mnistcnn import CorruptFileError
from mnistcnn.utils import safe_read
from mnistcnn.utils.safe_read import (
    data_size,
    loads_json,
    open_regular,
    open_zip,
    read_exactly,
    read_limited,
    read_member,
)

FILE_DESCRIPTORS = pathlib.Path("/dev/fd")
needs_posix = pytest.mark.skipif(
    not FILE_DESCRIPTORS.is_dir(), reason="Windows has no FIFOs, and no list of open files"
)


def test_reads_up_to_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, limit=5) == b"12345"
    with pytest.raises(CorruptFileError, match=r"file must hold at most 4 bytes; it holds 5"):
        read_limited(path, limit=4)


@needs_posix
@pytest.mark.parametrize("follow_links", [False, True])
def test_a_regular_file_is_opened_for_blocking_reads(follow_links, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with open_regular(path, follow_links=follow_links) as file:
        assert file.read() == b"12345"
        assert os.get_blocking(file.fileno())
        assert not os.get_inheritable(file.fileno())


def test_a_link_to_a_regular_file_is_followed_unless_forbidden(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_limited(tmp_path / "link", limit=5) == b"12345"
    with pytest.raises(CorruptFileError, match="link must be a regular file; received a link$"):
        read_limited(tmp_path / "link", limit=5, follow_links=False)


@needs_posix
@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize(
    ("replace", "message"),
    [
        (getattr(os, "mkfifo", None), "must be a regular file; received a FIFO"),
        (os.mkdir, "must be a regular file; received a directory"),
        (lambda path: path.symlink_to("/dev/zero"), "received a device|symbolic links"),
    ],
)
def test_a_file_that_is_replaced_before_it_is_opened_is_rejected(
    replace, message, follow_links, *, tmp_path, monkeypatch
):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    system_open = os.open

    def replace_and_open(path, flags):
        path.unlink()
        replace(path)
        return system_open(path, flags)

    num_open = len(list(FILE_DESCRIPTORS.iterdir()))
    monkeypatch.setattr(os, "open", replace_and_open)
    with pytest.raises((CorruptFileError, OSError), match=message):
        open_regular(path, follow_links=follow_links)
    assert len(list(FILE_DESCRIPTORS.iterdir())) == num_open


def test_holes_do_not_count_as_data(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(bytes(1 << 20))
        file.seek(1 << 30)
        file.write(bytes(1 << 20))
        file.truncate(1 << 40)
    with open_regular(path) as file:
        file.seek(7)
        assert 2 << 20 <= data_size(file) <= 3 << 20
        assert file.tell() == 7


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_a_file_without_holes_is_all_data(size, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * size)
    with open_regular(tmp_path / "file") as file:
        assert data_size(file) == size


@pytest.mark.parametrize(
    "content", ['{"a": [1, {}]}', b'{"a": [1, {}]}', b'\xef\xbb\xbf{"a": [1, {}]}']
)
def test_json_of_the_largest_depth(content):
    assert loads_json("x", content, max_depth=3) == {"a": [1, {}]}
    with pytest.raises(ValueError, match="^x must nest at most 2 levels; it nests more$"):
        loads_json("x", content, max_depth=2)


@pytest.mark.parametrize("text", ["[[[", 'a "quoted" [{', "[\\", "]]"])
def test_brackets_in_strings_do_not_count(text):
    assert loads_json("x", json.dumps({text: [text]}), max_depth=2) == {text: [text]}
    with pytest.raises(ValueError, match="must nest at most 1 levels"):
        loads_json("x", json.dumps({text: [text]}), max_depth=1)


def test_an_unterminated_string_is_no_json():
    with pytest.raises(ValueError, match="^x must be JSON; received Unterminated string"):
        loads_json("x", '["' + "[" * 1000 + '\\"', max_depth=9)


def test_json_of_the_largest_number_of_values(monkeypatch):
    text = r'{"a,[\"": [1, "b,\\", "c\\\"[,"], "d": null}'
    monkeypatch.setattr(safe_read, "_MAX_JSON_VALUES", 6)
    assert loads_json("x", text, max_depth=2) == json.loads(text)
    monkeypatch.setattr(safe_read, "_MAX_JSON_VALUES", 5)
    with pytest.raises(ValueError, match="^x must hold at most 5 values; it holds more$"):
        loads_json("x", text, max_depth=2)


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 5])
def test_json_is_measured_in_pieces(chunk_bytes, monkeypatch):
    monkeypatch.setattr(safe_read, "_CHUNK_BYTES", chunk_bytes)
    text = r'{"a,[\"": [1, "b,\\", [[], {}], "c\\\"[,"], "d": null}'
    monkeypatch.setattr(safe_read, "_MAX_JSON_VALUES", 11)
    assert loads_json("x", text, max_depth=4) == json.loads(text)
    with pytest.raises(ValueError, match="must nest at most 3 levels"):
        loads_json("x", text, max_depth=3)
    monkeypatch.setattr(safe_read, "_MAX_JSON_VALUES", 10)
    with pytest.raises(ValueError, match="must hold at most 10 values"):
        loads_json("x", text, max_depth=4)


def test_scalars_have_no_depth():
    assert loads_json("x", "1", max_depth=0) == 1


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000]
)
def test_json_that_exhausts_the_recursion_limit_is_rejected(content):
    with pytest.raises(ValueError, match="^x must nest at most 9 levels; it nests more$"):
        loads_json("x", content, max_depth=9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "x must be JSON; received Expecting property name"),
        (b"\xff\xfe[\0]\0", r"x must be JSON; received text that is not UTF-8 \(byte 0xff at 0\)$"),
    ],
)
def test_other_content_than_json_is_rejected(content, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        loads_json("x", content, max_depth=9)


def archive_bytes(content, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a", content)
    return buffer.getvalue()


def test_members_are_read_from_files_and_bytes(tmp_path):
    content = archive_bytes(b"12345")
    (tmp_path / "a.zip").write_bytes(content)
    for source in (content, open_regular(tmp_path / "a.zip")):
        with open_zip(source) as archive:
            assert read_member(archive, "a", limit=5) == b"12345"


def test_a_member_over_the_limit_is_rejected():
    expected = "^the member a must unpack to at most 4 bytes; it declares 5$"
    with open_zip(archive_bytes(b"12345")) as archive, pytest.raises(ValueError, match=expected):
        read_member(archive, "a", limit=4)


def test_another_compression_method_is_rejected():
    expected = "^the member a must be stored or deflated; its method is 12$"
    with (
        open_zip(archive_bytes(b"", zipfile.ZIP_BZIP2)) as archive,
        pytest.raises(ValueError, match=expected),
    ):
        read_member(archive, "a", limit=9)


def test_a_long_list_of_members_is_rejected():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(3000):
            archive.writestr(str(index), b"")
    expected = "^its list of members must take at most 131,072 bytes; it declares [0-9,]+$"
    with pytest.raises(ValueError, match=expected), open_zip(buffer.getvalue()):
        pass


def test_a_short_file_is_rejected():
    with pytest.raises(EOFError, match="^it must hold 9 more bytes; it holds 2$"):
        read_exactly(io.BytesIO(b"ab"), 9)
