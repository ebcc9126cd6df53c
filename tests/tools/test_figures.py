"""The figures of the model card show the metrics of the manifests."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tests.tools.helpers import METRICS, best_metrics
from tools.pretrained import figures


@pytest.fixture(scope="module")
def by_weights():
    return {name: make() for name, make in METRICS.items()}


def test_every_misclassified_image_is_shown():
    metrics = best_metrics()
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    figure = figures.draw_misclassified(metrics, images)
    panels = [axes for axes in figure.axes if axes.get_images()]
    rows = sorted(metrics["misclassified"], key=lambda row: -row[3])
    assert len(panels) == len(rows) > 8
    assert f"All {len(rows)} misclassified images" in figure.get_suptitle()
    for axes, (index, label, predicted, confidence) in zip(panels, rows, strict=True):
        (image,) = axes.get_images()
        assert np.array_equal(image.get_array(), images[index])
        disputed = index in metrics["undisputed_labels"]["excluded"]
        assert axes.get_title() == f"label {label}{'*' if disputed else ''}, predicted {predicted}"
        assert axes.get_xlabel() == f"{100 * confidence:.0f} %, image {index}"
        framed = to_hex(axes.spines["top"].get_edgecolor()).upper() == figures.VERMILION
        assert framed == disputed


def test_without_misclassified_images_the_figure_is_empty():
    metrics = best_metrics() | {"misclassified": []}
    figure = figures.draw_misclassified(metrics, np.zeros((1, 28, 28), np.uint8))
    assert not any(axes.get_images() for axes in figure.axes)


def test_robustness_has_a_panel_per_corruption_and_a_curve_per_network(by_weights):
    figure = figures.draw_robustness(by_weights)
    panels = [axes for axes in figure.axes if axes.get_lines()]
    assert [axes.get_title() for axes in panels] == [f"corruption {i}" for i in range(7)]
    expected = [by_weights["best"], by_weights["robust"], by_weights["best"]["plain"]]
    for axes in panels:
        curves = axes.get_lines()
        for curve, metrics in zip(curves, expected, strict=True):
            assert curve.get_xdata().tolist() == [1, 2, 3, 4, 5]
            assert list(curve.get_ydata()) == metrics["robustness"]["accuracy"][axes.get_title()]
        # Not only the color differs.
        for getter in ("get_linestyle", "get_marker", "get_color"):
            assert len({getattr(curve, getter)() for curve in curves}) == 3
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [
        "best, mean 70.0 %", "robust, mean 80.0 %", "baseline training, mean 65.0 %"
    ]  # fmt: skip


def test_each_set_of_weights_has_its_figures(by_weights):
    drawn = figures.card_figures(by_weights, np.zeros((300, 28, 28), np.uint8))
    assert sorted(drawn) == [
        "calibration-best.png", "calibration-robust.png",
        "misclassified-best.png", "misclassified-robust.png", "robustness.png",
    ]  # fmt: skip
    for name, metrics in by_weights.items():
        suptitle = drawn[f"misclassified-{name}.png"].get_suptitle()
        assert f"All {len(metrics['misclassified'])} misclassified images" in suptitle
        title = drawn[f"calibration-{name}.png"].axes[1].get_title()
        assert f"{100 * metrics['calibration']['after']['ece']:.2f} %" in title


def test_calibration_shows_every_bin_with_images():
    metrics = best_metrics()
    figure = figures.draw_calibration_curves(metrics)
    for axes, name in zip(figure.axes[:2], ("before", "after"), strict=True):
        part = metrics["calibration"][name]
        filled = [row for row in part["calibration_curve"] if row[0]]
        *_, points = axes.get_lines()
        assert list(points.get_xdata()) == [row[1] for row in filled]
        assert list(points.get_ydata()) == [row[2] / row[0] for row in filled]
        assert f"{100 * part['ece']:.2f} %" in axes.get_title()
    for axes in figure.axes[2:]:
        assert sum(bar.get_height() for bar in axes.patches) == 300
