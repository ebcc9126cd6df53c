"""Console blocks of the documentation: the parser accepts every command, and each block shows output."""

import pathlib
import re
import shlex

import pytest

from mnistcnn.cli.main import _parser

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = "$ mnistcnn "
# These print nothing that a reader needs: they write to a file, run forever or need a cluster.
SILENT = ("> ", "--print-completion", "--batch-size 1024", "--ray")
BLOCKS = [
    (page.relative_to(ROOT).as_posix(), block)
    for page in PAGES
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    if COMMAND in block
]
LINES = [
    (page, line.removeprefix(COMMAND))
    for page, block in BLOCKS
    for line in block.splitlines()
    if line.startswith(COMMAND) and "--print-completion" not in line
]


def arguments(line):
    """Return the arguments of a command, without a pipe, a redirection and a comment."""
    words = shlex.split(line, comments=True)
    ends = [index for index, word in enumerate(words) if word in {"|", ">", ">>"}]
    return words[: ends[0]] if ends else words


@pytest.mark.parametrize(("page", "line"), LINES)
def test_the_parser_accepts_each_command(page, line):
    try:
        _parser().parse_args(arguments(line))
    except SystemExit:
        pytest.fail(f"{page}: the command does not accept: mnistcnn {line}")


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_each_block_shows_output(page, block):
    lines = block.splitlines()
    assert any(
        not line.startswith("$ ") or any(mark in line for mark in SILENT) for line in lines
    ), f"{page}: {block}"
