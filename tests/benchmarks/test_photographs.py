"""The benchmark on pictures that aren't part of the project counts errors as it says."""

import json

import numpy as np
import pytest

import mnistcnn
from benchmarks.ocr import confidence_accuracy, photographs
from benchmarks.ocr.confidence_accuracy import RatedDigit, rate_digits
from benchmarks.ocr.peers import digits_of, text_of_boxes
from benchmarks.ocr.picture_set import (
    KINDS,
    LabeledDigit,
    LabeledPicture,
    draw_picture_set,
    load_digits,
    load_pictures,
    picture_folder,
)
from benchmarks.ocr.text_accuracy import TextReading, count_by_kind, read_picture


@pytest.fixture
def picture_set(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()
    draw_picture_set(folder)
    monkeypatch.setenv("MNISTCNN_PICTURES", str(folder))
    return folder


def picture(truth, *, kind="plain", with_print=None, path=None):
    return LabeledPicture(
        path=path, truth=truth, kind=kind, with_print=truth if with_print is None else with_print
    )


def reading_of(text, truth, *, seconds=1.0, **more):
    return TextReading(picture=picture(truth, **more), text=text, seconds=seconds)


def test_picture_set_is_loaded(picture_set):
    assert picture_folder() == picture_set
    pictures = load_pictures(picture_set)
    assert [each.kind for each in pictures] == list(KINDS)
    assert all(each.path.is_file() and each.with_print == each.truth for each in pictures)
    assert [bool(each.truth) for each in pictures] == [kind != "none" for kind in KINDS]
    assert all(each.path.is_file() for each in load_digits(picture_set))


def test_printed_digits_are_loaded(picture_set):
    path = picture_set / "pictures" / "pictures.json"
    content = json.loads(path.read_text())
    content["pictures"][0] |= {"truth": "1", "all": "1\n23"}
    path.write_text(json.dumps(content))
    first = load_pictures(picture_set)[0]
    assert (first.truth, first.with_print) == ("1", "1\n23")


def test_without_the_variable_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.delenv("MNISTCNN_PICTURES", raising=False)
    assert picture_folder() is None
    photographs.main(["--only", "pictures"])
    assert capsys.readouterr().out == (
        "Nothing is measured: MNISTCNN_PICTURES, the folder with the pictures, is not set.\n"
    )


def test_variable_must_name_a_picture_set(monkeypatch, tmp_path):
    monkeypatch.setenv("MNISTCNN_PICTURES", str(tmp_path))
    with pytest.raises(SystemExit) as caught:
        picture_folder()
    assert caught.value.code == (
        "MNISTCNN_PICTURES must name a folder with pictures/pictures.json; "
        f"received {str(tmp_path)!r}"
    )


@pytest.mark.parametrize(
    ("argv", "saved"),
    [
        ([], False),
        (["--only", "pictures"], False),
        (["--only", "pictures", "--output", "result.json"], True),
        (["--only", "cost", "confidence"], True),
        (["--only", "cost", "--kinds", "plain"], False),
        (["--peers", "tesseract"], True),
        (["--peers", "tesseract", "--kinds", "plain"], False),
    ],
)
def test_only_a_full_comparison_is_saved(argv, saved, picture_set, monkeypatch):
    calls = []
    monkeypatch.setattr(
        photographs, "_measure", lambda folder, options, *, save: calls.append((folder, save))
    )
    photographs.main(argv)
    assert calls == [(picture_set, saved)]


def test_errors_and_exact_pictures_by_kind():
    readings = [
        reading_of("12\n3", "12\n3", seconds=0.5),
        reading_of("123", "12\n3", seconds=2),
        reading_of("7", "", kind="none", with_print="78"),
        reading_of("78", "", kind="none", with_print="78"),
        reading_of("", "", kind="none"),
    ]
    counts = count_by_kind(readings)
    assert counts == {
        "plain": {
            "pictures": 2, "characters": 8, "errors": 1, "errors_with_print": 1, "exact": 1,
            "most_errors": 1, "seconds": 2.5, "median_seconds": 1.25, "slowest_seconds": 2,
        },
        "none": {
            "pictures": 3, "characters": 0, "errors": 3, "errors_with_print": 1, "exact": 1,
            "most_errors": 2, "seconds": 3, "median_seconds": 1, "slowest_seconds": 1,
        },
        "all": {
            "pictures": 5, "characters": 8, "errors": 4, "errors_with_print": 2, "exact": 2,
            "most_errors": 2, "seconds": 5.5, "median_seconds": 1, "slowest_seconds": 2,
        },
    }  # fmt: skip


def test_every_reader_reads_every_picture(picture_set, capsys):
    benchmark = photographs.Benchmark(picture_set, kinds=["plain", "none"])
    truths = {each.path: each.truth for each in benchmark.pictures}
    benchmark.readers |= {"perfect": truths.get, "blind": lambda path: ""}
    report = benchmark.count_pictures(benchmark.read_pictures())
    assert set(report["readers"]) == {"mnistcnn", "perfect", "blind"}
    everything = len(truths[picture_set / "pictures" / "plain.png"])
    assert report["readers"]["perfect"]["all"]["errors"] == 0
    assert report["readers"]["blind"]["all"]["errors"] == everything
    assert report["readers"]["blind"]["all"]["exact"] == 1
    assert report["min_confidence"] == photographs.DEFAULT
    assert "1/2 plain plain.png: mnistcnn " in capsys.readouterr().out


def test_min_confidence_is_passed_on(picture_set):
    path = picture_set / "pictures" / "plain.png"
    benchmark = photographs.Benchmark(picture_set)
    assert len(benchmark.reader(0.97)(path)) < len(benchmark.reader(0.0)(path))


def test_single_digits(tmp_path):
    digits = [LabeledDigit(path=tmp_path / f"{i}.png", label=7) for i in range(5)]
    texts = dict(zip((digit.path for digit in digits), ["7", "1", "", "7\n7", "77"], strict=True))
    assert photographs._count_singles("reader", digits, texts.get) == {
        "pictures": 5, "right": 1, "empty": 1, "several": 2,
    }  # fmt: skip


def test_reading_is_timed(tmp_path):
    reading = read_picture(picture("12", path=tmp_path / "a.png"), lambda path: path.stem)
    assert reading.text == "a"
    assert reading.errors == 2
    assert reading.seconds >= 0


def test_digits_of_a_text():
    assert digits_of("Total: 12,50 €\n\nno digit\n３ 4½\n5") == "1250\n4\n5"
    assert digits_of("abc") == ""


def test_boxes_in_lines():
    def box(left, top, text, height=10):
        corners = [(left, top), (left + 5, top), (left + 5, top + height), (left, top + height)]
        return (corners, text)

    boxes = [box(0, 21, "45"), box(20, 0, "2"), box(0, 2, "1"), box(40, 4, "3"), box(20, 20, "6")]
    assert text_of_boxes(boxes) == "123\n456"
    assert text_of_boxes([]) == ""


def digit(label, confidence):
    return mnistcnn.Digit(
        label=label, confidence=confidence, box=(0, 0, 1, 1), image=np.zeros((28, 28), np.uint8),
        probabilities=np.zeros(10, np.float32),
    )  # fmt: skip


def test_digits_are_compared_with_the_truth():
    lines = ((digit(1, 0.9), digit(2, 0.8)), (digit(3, 0.7),), (digit(8, 0.1),))
    reading = mnistcnn.Reading(lines=lines, width=9, height=9)
    rated = rate_digits(reading, picture("13\n3", kind="light"))
    assert [(each.confidence, each.right) for each in rated] == [
        (0.9, True), (0.8, False), (0.7, True), (0.1, False),
    ]  # fmt: skip
    assert {each.kind for each in rated} == {"light"}


class FakeRecognizer:
    def read(self, path, *, min_confidence=0.4):
        confidences = (1.0, 0.9, 0.849, 0.05)
        line = tuple(
            digit(label, confidence)
            for label, confidence in enumerate(confidences)
            if confidence >= min_confidence
        )
        return mnistcnn.Reading(lines=(line,), width=9, height=9)


def test_confidence_bins_and_thresholds():
    pictures = [picture("013"), picture("", kind="none")]
    report = confidence_accuracy.measure(FakeRecognizer(), pictures)
    assert (report["pictures"], report["true_digits"]) == (2, 3)
    bins = {row.pop("low"): row for row in report["bins"]}
    assert bins[0.9] == {"high": 1.0, "digits": 4, "right": 2, "mean_confidence": 0.95}
    assert bins[0.8] == {"high": 0.9, "digits": 2, "right": 0, "mean_confidence": 0.849}
    assert bins[0.5] == {"high": 0.6, "digits": 0, "right": 0, "mean_confidence": 0}
    assert bins[0.0] == {"high": 0.1, "digits": 2, "right": 1, "mean_confidence": 0.05}
    # |right - digits x confidence| is 2 - 3.8, 0 - 1.698 and 1 - 0.1, of 8 digits.
    assert report["expected_calibration_error"] == pytest.approx((1.8 + 1.698 + 0.9) / 8)
    above = report["at_least"]["0.8"]
    assert above.pop("precision_ci") == [
        pytest.approx(0.097, abs=1e-3),
        pytest.approx(0.7, abs=1e-3),
    ]
    assert above == {
        "digits": 6, "right": 2, "precision": 0.33333, "recall": 0.66667,
        "wrong_by_kind": {"plain": 1, "none": 3},
    }  # fmt: skip
    assert report["at_least"]["0"]["recall"] == 1


def test_a_reported_digit_is_judged_among_those_that_are_reported():
    """A doubtful digit on a line of its own would shift the alignment of the others."""

    class Recognizer:
        def read(self, path, *, min_confidence=0.4):
            lines = ((digit(1, 0.9), digit(2, 0.8)),)
            doubtful = ((digit(1, 0.1), digit(2, 0.1)), (digit(3, 0.1),))
            return mnistcnn.Reading(
                lines=doubtful + lines if min_confidence == 0 else lines, width=9, height=9
            )

    rated = confidence_accuracy._rate(Recognizer(), picture("12"))
    assert [(each.confidence, each.right) for each in rated[:2]] == [(0.9, True), (0.8, True)]
    assert [each.confidence for each in rated[2:]] == [0.1] * 3


def test_no_digits_have_no_precision():
    summary = confidence_accuracy._summary([], 0.9, 0)
    assert (summary["precision"], summary["recall"], summary["precision_ci"]) == (
        None,
        None,
        [0, 1],
    )
    assert confidence_accuracy._bin([RatedDigit(kind="plain", confidence=1, right=True)], 0, 1) == {
        "low": 0, "high": 1, "digits": 1, "right": 1, "mean_confidence": 1,
    }  # fmt: skip
