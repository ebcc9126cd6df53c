"""The data of the rejector, its calibration, and the files that are written."""

import numpy as np
import pytest

from mnistcnn import Split
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.weights import pretrained
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.pretrained import REJECTOR, read_pretrained
from tools.pretrained import rejector_data, train_rejector
from tools.pretrained.train_rejector import SMOKE_COUNTS, digit_probability

NUM_OUTPUTS = len(rejector_data.OUTPUTS)


@pytest.fixture(scope="module")
def images(digits):
    return Split(*(array[:300] for array in digits.train))


@pytest.fixture(scope="module")
def dataset(images):
    return rejector_data.draw_dataset(images, "train", SMOKE_COUNTS, np.random.default_rng(0))


def test_dataset_has_the_given_counts(dataset, images):
    counts = {**SMOKE_COUNTS, "mnist": len(images.images)}
    del counts["low_resolution"]
    assert {kind: int((dataset.kinds == kind).sum()) for kind in counts} == counts
    assert dataset.crops.shape == (sum(counts.values()), 28, 28)
    assert dataset.crops.dtype == np.uint8
    is_digit = dataset.outputs < 10
    for kind in ("mnist", "distorted_printed_digits", "distorted_mnist"):
        assert is_digit[dataset.kinds == kind].all()
    for kind in ("letters", "symbols", "scribbles", "altered_digits", "digit_pairs"):
        assert not is_digit[dataset.kinds == kind].any()
    assert REJECTOR_WEIGHT_SHAPES["dense.bias"][0] == NUM_OUTPUTS


def test_equal_generators_draw_equal_datasets(dataset, images):
    again = rejector_data.draw_dataset(images, "train", SMOKE_COUNTS, np.random.default_rng(0))
    np.testing.assert_array_equal(again.crops, dataset.crops)
    np.testing.assert_array_equal(again.outputs, dataset.outputs)


def test_low_resolution_crops_are_blurred_copies(dataset):
    result = rejector_data.add_low_resolution(dataset, 40, np.random.default_rng(0))
    np.testing.assert_array_equal(result.crops[:-40], dataset.crops)
    assert set(result.kinds[-40:]) == {"low_resolution"}
    for crop, output in zip(result.crops[-40:], result.outputs[-40:], strict=True):
        assert crop.max() == 255
        difference = np.abs(dataset.crops.astype(int) - crop).mean(axis=(1, 2))
        assert dataset.outputs[difference.argmin()] == output
        assert 1 < difference.min() < 30


def test_temperature_undoes_a_scaling():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1.5, (8000, NUM_OUTPUTS)).astype(np.float32)
    is_digit = generator.random(8000) < digit_probability(logits, 1)
    assert train_rejector.fit_temperature(logits, is_digit) == pytest.approx(1, abs=0.12)
    assert train_rejector.fit_temperature(2 * logits, is_digit) == pytest.approx(2, abs=0.2)


def test_prior_is_added_to_the_log_odds():
    logits = np.random.default_rng(0).normal(0, 1, (50, NUM_OUTPUTS)).astype(np.float32)
    first = digit_probability(logits, 1.3)
    second = digit_probability(logits, 1.3, log_prior_odds=2.0)
    difference = np.log(second / (1 - second)) - np.log(first / (1 - first))
    np.testing.assert_allclose(difference, 2.0)


def test_a_pair_of_digits_is_no_digit():
    logits = np.zeros((2, NUM_OUTPUTS), np.float32)
    logits[0, 23] = logits[1, 3] = 9
    assert digit_probability(logits, 1) == pytest.approx([0, 1], abs=0.01)


def test_written_weights_give_the_written_metrics(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_rejector, "source_revision", lambda: "a" * 40)
    noise = np.random.default_rng(0)
    weights = [
        noise.normal(0, 0.1, shape).astype(np.float32) for shape in REJECTOR_WEIGHT_SHAPES.values()
    ]
    metrics = train_rejector.calibrate_and_write(tmp_path, weights, dataset, dataset)
    saved = read_pretrained(tmp_path, REJECTOR, REJECTOR_WEIGHT_SHAPES)
    for name, array in zip(list(REJECTOR_WEIGHT_SHAPES)[:5], weights, strict=False):
        np.testing.assert_array_equal(saved.arrays[name], array)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    probability = NonDigitRejector(1)(dataset.crops)
    for name, kind in (("digits", "mnist"), ("nondigits", "digit_pairs")):
        of_kind = probability[dataset.kinds == kind]
        expected = [
            pytest.approx((of_kind >= threshold).mean(), abs=0.011)
            for threshold in train_rejector.THRESHOLDS
        ]
        assert metrics[name][kind]["accepted"] == expected
    assert saved.manifest.metrics == metrics
    assert saved.manifest.data["images"] == len(dataset.crops)
    rows = [*metrics["digits"].values(), *metrics["nondigits"].values()]
    assert sum(row["crops"] for row in rows) == len(dataset.crops)
    for row in rows:
        assert row["accepted"] == sorted(row["accepted"], reverse=True)


@pytest.mark.slow
def test_tool_draws_trains_and_writes(tmp_path, capsys):
    train_rejector.main(["--smoke", "--output", str(tmp_path)])
    saved = read_pretrained(tmp_path, REJECTOR, REJECTOR_WEIGHT_SHAPES)
    assert saved.manifest.recipe["outputs"] == list(rejector_data.OUTPUTS)
    assert "The rejector is in" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        train_rejector.main(["--smoke"])
    assert "--smoke must have an --output; received none" in capsys.readouterr().err
