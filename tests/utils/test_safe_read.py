"""Bounded reading of files, JSON and zip archives."""

import io
import json
import zipfile

import pytest

from mnistcnn import CorruptFileError
from mnistcnn.utils.safe_read import loads_json, open_zip, read_exactly, read_limited, read_member


def test_reads_up_to_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, limit=5) == b"12345"
    with pytest.raises(CorruptFileError, match=r"file must hold at most 4 bytes; it holds 5"):
        read_limited(path, limit=4)


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
        (b"\xff\xfe[\0]\0", "x must be JSON; received 'utf-8' codec can't decode"),
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


def test_members_are_read_from_paths_and_bytes(tmp_path):
    content = archive_bytes(b"12345")
    (tmp_path / "a.zip").write_bytes(content)
    for source in (content, tmp_path / "a.zip"):
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
