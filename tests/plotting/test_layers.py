"""Pictures of the network itself: its weights, and what they make of an image."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mnistcnn import CorruptFileError, plot_activations, plot_filters, preprocess
from mnistcnn.backend import keras
from mnistcnn.weights.keras_file import save_model


def kept(axes):
    """The numbers of the one image in the Axes, its gaps left out."""
    (image,) = axes.get_images()
    canvas = image.get_array()
    rows = ~np.ma.getmaskarray(canvas).all(axis=1)
    columns = ~np.ma.getmaskarray(canvas).all(axis=0)
    return canvas[np.ix_(rows, columns)].filled(np.nan)


def test_filters_are_the_weights(network):
    figure = plot_filters(network)
    above, below, *bars = figure.axes
    first, second = network.layers[0].kernel.numpy(), network.layers[2].kernel.numpy()
    found = kept(above).reshape(2, 3, 16, 3)
    for number in range(32):
        row, column = divmod(number, 16)
        assert np.array_equal(found[row, :, column], first[:, :, 0, number].astype(float))
    found = kept(below).reshape(32, 3, 64, 3)
    assert np.array_equal(found, second.transpose(2, 0, 3, 1).astype(float))
    for axes, kernel in ((above, first), (below, second)):
        low, high = axes.get_images()[0].get_clim()
        assert -low == high == pytest.approx(np.abs(kernel).max())  # 0 is the middle of the scale
    assert [bar.get_ylabel() for bar in bars] == ["Weight", "Weight"]
    assert above.get_title() == "First convolution: 32 filters of 3 × 3"
    assert below.get_title() == "Second convolution: 64 filters of 32 × 3 × 3"
    assert below.get_xlabel() == "Filter, a column each"
    assert below.get_ylabel() == "Map of the first convolution"
    figure.savefig("filters.png")


def test_filters_of_a_file_and_on_own_axes(network):
    save_model(network, "network.keras")
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_filters("network.keras", ax=axes) is figure
    assert np.array_equal(kept(axes[0]), kept(plot_filters(network).axes[0]))


def test_activations_are_those_of_the_layers(network, digits):
    image = digits.test.images[3]
    figure = plot_activations(network, image)
    shown, first, second, *bars = figure.axes
    x = preprocess(image)
    assert np.array_equal(shown.get_images()[0].get_array(), x[0, :, :, 0])
    for axes, place, rows, side in ((first, 0, 4, 26), (second, 2, 8, 11)):
        part = keras.Model(network.inputs, network.layers[place].output)
        maps = np.asarray(part([x]))[0]
        expected = maps.reshape(side, side, rows, 8).transpose(2, 0, 3, 1).reshape(rows * side, -1)
        assert np.allclose(kept(axes), expected, atol=1e-6)
        assert axes.get_images()[0].get_clim()[0] == 0
    answers = np.asarray(network(x))[0]
    assert shown.get_title() == f"Answer: {answers.argmax()}\n({100 * answers.max():.0f} %)"
    assert first.get_title() == "First convolution:\n32 maps of 26 × 26"
    assert second.get_title() == "Second convolution:\n64 maps of 11 × 11"
    assert [bar.get_ylabel() for bar in bars] == ["Activation", "Activation"]
    figure.savefig("activations.png")


def test_activations_of_a_file_a_preprocessed_image_and_own_axes(network, digits):
    save_model(network, "network.keras")
    figure = Figure()
    axes = figure.subplots(1, 3)
    image = digits.test.images[3]
    assert plot_activations("network.keras", preprocess(image)[0], ax=axes) is figure
    assert np.array_equal(kept(axes[2]), kept(plot_activations(network, image).axes[2]))


def test_arguments_are_checked(network, digits, tmp_path):
    images = digits.test.images
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    for plot in (plot_filters, lambda model, **ax: plot_activations(model, images[0], **ax)):
        with pytest.raises(TypeError, match="model must be a Keras model or a path; received 3"):
            plot(3)
        with pytest.raises(
            ValueError,
            match="model must be the documented network, as build_model gives it; received the layers Flatten",
        ):
            plot(other)
        with pytest.raises(FileNotFoundError, match="absent.keras"):
            plot("absent.keras")
        (tmp_path / "damaged.keras").write_bytes(b"PK")
        with pytest.raises(CorruptFileError, match="damaged.keras is not a whole Keras file"):
            plot("damaged.keras")
    with pytest.raises(ValueError, match="image must be one image; received 2"):
        plot_activations(network, images[:2])
    with pytest.raises(ValueError, match=r"images must have shape .*; received \(3, 3\)"):
        plot_activations(network, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="ax must be a pair of Axes; received 1"):
        plot_filters(network, ax=Figure().subplots())
    with pytest.raises(ValueError, match="ax must be three Axes; received 2"):
        plot_activations(network, images[0], ax=Figure().subplots(1, 2))
