"""`plot_saliency`: its panels, titles and arguments."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnistcnn import plot_saliency, preprocess
from mnistcnn.backend import keras
from mnistcnn.models.saliency import saliency_maps
from mnistcnn.weights.keras_file import save_model


def test_panels_show_image_heat_map_and_gradient(network, digits):
    images = digits.test.images[:2]
    figure = plot_saliency(network, images)
    x = preprocess(images)
    probabilities = np.asarray(network(x))
    predicted = probabilities.argmax(axis=1)
    maps = saliency_maps(network, network.get_layer("conv2"), x, predicted)
    assert len(figure.axes) == 6
    for i in range(2):
        left, middle, right = figure.axes[3 * i : 3 * i + 3]
        assert np.array_equal(left.get_images()[0].get_array(), x[i, ..., 0])
        top = np.argsort(-probabilities[i], kind="stable")[:3]
        lines = [f"{digit} ({100 * probabilities[i, digit]:.0f} %)" for digit in top]
        assert left.get_title().split("\n") == lines
        heat_map = middle.get_images()[1]
        assert np.array_equal(heat_map.get_array(), maps.grad_cam[i])
        assert heat_map.get_extent() == [3, 25, 25, 3]
        assert middle.get_title() == f"Grad-CAM for {predicted[i]}"
        assert np.array_equal(right.get_images()[0].get_array(), maps.gradients[i])
        low, high = right.get_images()[0].get_clim()
        assert -low == high == np.abs(maps.gradients[i]).max()
        assert right.get_title() == f"Gradient for {predicted[i]}"
        assert (middle.get_xlim(), middle.get_ylim()) == ((0, 28), (28, 0))
    assert plt.get_fignums() == []  # no window
    figure.savefig("saliency.png")


def test_classes_files_names_and_given_axes(network, digits):
    images = digits.test.images[:3]
    save_model(network, "network.keras")
    figure = Figure()
    axes = figure.subplots(2, 3)
    assert (
        plot_saliency("network.keras", images, classes=[4, 7, 1], max_images=2, ax=axes) is figure
    )
    assert [row[1].get_title() for row in axes] == ["Grad-CAM for 4", "Grad-CAM for 7"]
    (figure_of_one,) = [plot_saliency("best", preprocess(images)[0])]
    assert len(figure_of_one.axes) == 3


def test_names_of_classes_and_blank_images():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros"),
        ]
    )
    model.class_names = ("cat", "dog")
    left, middle, right = plot_saliency(model, np.zeros((28, 28), np.uint8)).axes
    assert left.get_title() == "cat (50 %)\ndog (50 %)"
    assert middle.get_title() == "Grad-CAM for cat"
    for axes, index in ((middle, 1), (right, 0)):
        image = axes.get_images()[index]
        assert not image.get_array().any()
        assert image.get_clim()[1] == 1


def test_arguments_are_checked(network, digits):
    images = digits.test.images[:2]
    flat = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    message = (
        "model must be a built Sequential or functional model with a Conv2D layer, not inside of "
        "another layer; received a keras.Sequential with the layers Flatten, Dense"
    )
    with pytest.raises(ValueError, match=message):
        plot_saliency(flat, images)
    with pytest.raises(TypeError, match="model must be a Keras model, a path or the name"):
        plot_saliency(3, images)
    with pytest.raises(ValueError, match="images must hold at least one image; received none"):
        plot_saliency(network, images[:0])
    with pytest.raises(ValueError, match=r"classes must lie in 0\.\.\.9; received 10 in row 1"):
        plot_saliency(network, images, classes=[0, 10])
    with pytest.raises(
        ValueError, match="images and classes must have the same length; received 2 and 1"
    ):
        plot_saliency(network, images, classes=[0])
    with pytest.raises(ValueError, match="max_images must be at least 1; received 0"):
        plot_saliency(network, images, max_images=0)
    with pytest.raises(ValueError, match="ax must be 6 Axes; received 1"):
        plot_saliency(network, images, ax=Figure().subplots())
