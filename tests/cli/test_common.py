"""Progress bars and JSON of the commands."""

import io
import json
import sys

import pytest

from mnistcnn.cli import common


def test_lists_of_numbers_are_one_line_of_json():
    report = {
        "text": "[\n 1,\n 2\n]", "empty": [], "numbers": [1, -2.5e-07, None], "rows": [[1], [2, 3]],
        "words": ["a", "1"], "inner": {"one": [0.1]}, "infinite": [1e300],
    }  # fmt: skip
    text = common.to_json(report)
    assert json.loads(text) == report
    lines = [line.strip() for line in text.splitlines()]
    assert '"numbers": [1, -2.5e-07, null],' in lines
    assert "[2, 3]" in lines


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stderr", "delay", "shown"),
    [(Terminal, 0.0, True), (Terminal, 60.0, False), (io.StringIO, 0.0, False)],
)
def test_progress_bar_appears_on_a_terminal_after_a_delay(stderr, delay, shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(common, "_PROGRESS_DELAY", delay)
    monkeypatch.setattr(sys, "stderr", stderr())
    assert list(common.track(iter("abc"), 3, "Evaluating")) == ["a", "b", "c"]
    assert ("Evaluating" in sys.stderr.getvalue()) is shown
