"""`plot_filters` and `plot_activations` against the weights and outputs of the layers."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnistcnn import CorruptFileError, plot_activations, plot_filters, preprocess
from mnistcnn.backend import keras
from mnistcnn.weights.keras_file import save_model
from tests.helpers.models import letter_network


def values_in(axes):
    """Return the values of the only image in `axes`, without the gaps between the tiles."""
    (image,) = axes.get_images()
    canvas = image.get_array()
    rows = ~np.ma.getmaskarray(canvas).all(axis=1)
    columns = ~np.ma.getmaskarray(canvas).all(axis=0)
    return canvas[np.ix_(rows, columns)].filled(np.nan)


def test_filters_show_the_weights(network):
    figure = plot_filters(network)
    above, below, *colorbars = figure.axes
    first, second = network.layers[0].kernel.numpy(), network.layers[2].kernel.numpy()
    values = values_in(above).reshape(2, 3, 16, 3)
    for index in range(32):
        row, column = divmod(index, 16)
        assert np.array_equal(values[row, :, column], first[:, :, 0, index].astype(float))
    values = values_in(below).reshape(32, 3, 64, 3)
    assert np.array_equal(values, second.transpose(2, 0, 3, 1).astype(float))
    for axes, kernel in ((above, first), (below, second)):
        low, high = axes.get_images()[0].get_clim()
        assert -low == high == pytest.approx(np.abs(kernel).max())  # 0 is the middle of the scale
    assert [axes.get_ylabel() for axes in colorbars] == ["Weight", "Weight"]
    assert above.get_title() == "First convolution: 32 filters of 3 × 3"
    assert below.get_title() == "Second convolution: 64 filters of 32 × 3 × 3"
    assert (below.get_xlabel(), below.get_ylabel()) == ("Filter", "Input channel")
    assert plt.get_fignums() == []  # no window
    figure.savefig("filters.png")


def test_activations_show_the_outputs_of_the_layers(network, digits):
    image = digits.test.images[3]
    figure = plot_activations(network, image)
    left, first, second, *colorbars = figure.axes
    x = preprocess(image)
    assert np.array_equal(left.get_images()[0].get_array(), x[0, :, :, 0])
    for axes, index, rows, side in ((first, 0, 4, 26), (second, 2, 8, 11)):
        submodel = keras.Model(network.inputs, network.layers[index].output)
        maps = np.asarray(submodel([x]))[0]
        expected = maps.reshape(side, side, rows, 8).transpose(2, 0, 3, 1).reshape(rows * side, -1)
        assert np.allclose(values_in(axes), expected, atol=1e-6)
        assert axes.get_images()[0].get_clim()[0] == 0
    probabilities = np.asarray(network(x))[0]
    top = np.argsort(-probabilities)[:3]
    lines = [f"{digit} ({100 * probabilities[digit]:.0f} %)" for digit in top]
    assert left.get_title().split("\n") == ["Predicted:", *lines]
    assert first.get_title() == "First convolution:\n32 maps of 26 × 26"
    assert second.get_title() == "Second convolution:\n64 maps of 11 × 11"
    assert [axes.get_ylabel() for axes in colorbars] == ["Activation", "Activation"]
    assert plt.get_fignums() == []  # no window
    figure.savefig("activations.png")


def test_model_files_preprocessed_images_and_given_axes(network, digits):
    save_model(network, "network.keras")
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_filters("network.keras", ax=axes) is figure
    assert np.array_equal(values_in(axes[0]), values_in(plot_filters(network).axes[0]))
    figure = Figure()
    axes = figure.subplots(1, 3)
    image = digits.test.images[3]
    assert plot_activations("network.keras", preprocess(image)[0], ax=axes) is figure
    assert np.array_equal(values_in(axes[2]), values_in(plot_activations(network, image).axes[2]))


def test_the_model_is_checked(network, digits, tmp_path):
    image = digits.test.images[0]
    other = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    for plot in (plot_filters, lambda model: plot_activations(model, image)):
        with pytest.raises(
            TypeError,
            match="model must be a Keras model, a path or the name of pretrained weights; received 3",
        ):
            plot(3)
        message = (
            "^model must have a Conv2D layer, not inside of another layer; received layers "
            "Flatten, Dense$"
        )
        with pytest.raises(ValueError, match=message):
            plot(other)
        with pytest.raises(FileNotFoundError, match="absent.keras"):
            plot("absent.keras")
        (tmp_path / "damaged.keras").write_bytes(b"PK")
        with pytest.raises(CorruptFileError, match="damaged.keras"):
            plot("damaged.keras")


def test_image_and_axes_are_checked(network, digits):
    images = digits.test.images
    with pytest.raises(ValueError, match="image must be one image; received 2"):
        plot_activations(network, images[:2])
    with pytest.raises(ValueError, match=r"images must have shape .*; received \(3, 3\)"):
        plot_activations(network, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="ax must be 2 Axes; received 1"):
        plot_filters(network, ax=Figure().subplots())
    with pytest.raises(ValueError, match="ax must be 3 Axes; received 2"):
        plot_activations(network, images[0], ax=Figure().subplots(1, 2))


# Other networks


def test_every_convolution_of_another_network_is_plotted(digits):
    model = letter_network()
    model.class_names = tuple("abcdefghijklmnopqrstuvwxyz")
    image = digits.test.images[3]
    figure = plot_filters(model)
    titles = [axes.get_title() for axes in figure.axes[:3]]
    assert titles == [
        "First convolution: 8 filters of 3 × 3",
        "Second convolution: 8 filters of 8 × 3 × 3",
        "Third convolution: 8 filters of 8 × 3 × 3",
    ]
    figure = plot_activations(model, image)
    left, *panels = figure.axes[:4]
    x = preprocess(image)
    predicted = int(np.asarray(model(x)).argmax())
    assert left.get_title().startswith(f"Predicted:\n{model.class_names[predicted]} (")
    assert [axes.get_title() for axes in panels] == [
        "First convolution:\n8 maps of 28 × 28",
        "Second convolution:\n8 maps of 14 × 14",
        "Third convolution:\n8 maps of 14 × 14",
    ]
    third = keras.Model(model.inputs, model.layers[3].output)
    expected = np.asarray(third([x]))[0].transpose(0, 2, 1).reshape(14, -1)
    assert np.allclose(values_in(panels[2]), expected, atol=1e-6)
    figure.savefig("activations.png")


def test_large_layers_are_shortened(digits):
    layers = [keras.layers.Conv2D(100, 3, padding="same") for _ in range(8)]
    head = [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, *head])
    figure = plot_filters(model)
    assert len(figure.axes) == 2 * 6
    assert figure.axes[1].get_title() == (
        "Second convolution: 100 filters of 100 × 3 × 3, of which 64 with 32 channels are shown"
    )
    assert values_in(figure.axes[1]).shape == (32 * 3, 64 * 3)
    figure = plot_activations(model, digits.test.images[0])
    title = figure.axes[1].get_title()
    assert title == "First convolution:\n64 of 100 maps of 28 × 28"
    assert figure.axes[1].get_images()[0].get_clim()[0] < 0  # without ReLU


def test_a_subclassed_model_has_filters_but_no_activations(digits):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.head = keras.layers.Conv2D(4, 3), keras.layers.Dense(2)

        def call(self, x):
            return self.head(keras.ops.mean(self.conv(x), axis=(1, 2)))

    model = Own()
    model(np.zeros((1, 28, 28, 1)))
    assert plot_filters(model).axes[0].get_title() == "First convolution: 4 filters of 3 × 3"
    message = (
        "^model must be a built Sequential or functional model to plot activations; "
        "received a keras.Own$"
    )
    with pytest.raises(ValueError, match=message):
        plot_activations(model, digits.test.images[0])
