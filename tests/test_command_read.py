"""``mnistcnn read``: what it prints, what it leaves, and its exit codes."""

import io
import sys

import pytest
from PIL import Image

from mnistcnn._cli import main
from mnistcnn._command_read import _with_progress


@pytest.fixture
def scan(tmp_path, page):
    """Write the page under a name, and return the name."""

    def write(name="scan.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page.picture).save(path)
        return name

    return write


def test_an_unlawful_probability_is_refused_once_and_by_its_option(scan, capsys):
    arguments = ["read", scan("a.png"), scan("b.png"), "--min-confidence", "90"]
    assert main(arguments) == 1
    expected = "mnistcnn: --min-confidence must lie in [0, 1); received 90.0\n"
    assert capsys.readouterr() == ("", expected)


def test_a_folder_for_boxes_may_have_a_dot_in_its_name(scan, tmp_path, capsys):
    (tmp_path / "of.2024").mkdir()
    assert main(["read", scan("a.png"), scan("b.png"), "--boxes", "of.2024"]) == 0
    found = sorted(path.name for path in (tmp_path / "of.2024").iterdir())
    assert found == ["a-boxes.png", "b-boxes.png"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("out", "quiet", "shown"),
    [
        (io.StringIO, False, True),  # texts on their way to a file
        (Terminal, True, True),  # --json sends to standard error what else is printed
        (Terminal, False, False),  # the texts themselves show how far it is
    ],
)
def test_progress_is_shown_where_nothing_else_shows_it(out, quiet, shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", out())
    assert list(_with_progress(["a", "b"], quiet=quiet)) == ["a", "b"]
    assert ("Reading" in terminal.getvalue()) is shown
    assert "Reading" not in sys.stdout.getvalue()
