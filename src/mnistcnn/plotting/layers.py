"""Plots of the convolutional layers: filters and activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.preprocessing import preprocess
from mnistcnn.plotting.common import check_axes, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.plotting.image_grid import ImageGrid
from mnistcnn.public import public
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.validation import check_images

if TYPE_CHECKING:
    import keras

_GAP_COLOR = "#C9C9C9"  # unlike the white of a weight of 0
_CONVOLUTIONS = (0, 2)  # indices of the convolutional layers


@public
def plot_filters(model: keras.Model | PathLike, *, ax: Sequence[Axes] | None = None) -> Figure:
    """Plot the weights of all filters of both convolutional layers.

    Positive weights are red, negative ones blue.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A model with the architecture of `build_model`, or a file that `load_model` accepts.
    ax : pair of matplotlib.axes.Axes, optional
        Axes for the first and the second layer. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `model` has the wrong type or another architecture, or `ax` is not a pair of Axes.
    FileNotFoundError, CorruptFileError
        If the file does not exist, is damaged or holds another architecture.

    Examples
    --------
    >>> from mnistcnn import load_pretrained, plot_filters
    >>> plot_filters(load_pretrained()).axes[0].get_title()
    'First convolution: 32 filters of 3 × 3'
    """
    checked = _check_model(model)
    first, second = (np.asarray(checked.layers[i].kernel) for i in _CONVOLUTIONS)
    if ax is None:
        figure = new_figure((8.4, 5.4))
        above, below = figure.subplots(2, 1, height_ratios=[1, 4])
    else:
        above, below = check_axes(ax, 2)
    _draw_weights(above, _filter_tiles(first), columns=16)
    above.set_title("First convolution: 32 filters of 3 × 3", fontsize=10)
    _draw_weights(below, _filter_tiles(second), columns=second.shape[-1])
    below.set_title("Second convolution: 64 filters of 32 × 3 × 3", fontsize=10)
    below.set_xlabel("Filter")
    below.set_ylabel("Input channel")
    return figure_of(above)


@public
def plot_activations(
    model: keras.Model | PathLike, image: ArrayLike, *, ax: Sequence[Axes] | None = None
) -> Figure:
    r"""Plot an image and the feature maps of both convolutional layers.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A model with the architecture of `build_model`, or a file that `load_model` accepts.
    image : array_like
        One image: raw ``uint8 (28, 28)``, or preprocessed ``float32 (28, 28, 1)`` in [0, 1].
    ax : three matplotlib.axes.Axes, optional
        Axes for the image, the first and the second layer. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `model` has the wrong type or another architecture, `image` is not one image, or
        `ax` is not three Axes.
    FileNotFoundError, CorruptFileError
        If the file does not exist, is damaged or holds another architecture.

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, plot_activations
    >>> _, (images, labels) = load_data("digits")
    >>> figure = plot_activations(load_pretrained(), images[0])
    >>> figure.axes[1].get_title()
    'First convolution:\n32 maps of 26 × 26'
    """
    checked = _check_model(model)
    pixels = preprocess(check_images(image))
    if len(pixels) != 1:
        raise ValueError(f"image must be one image; received {len(pixels)}")
    if ax is None:
        figure = new_figure((9, 2.9))
        left, *panels = figure.subplots(1, 3, width_ratios=[1, 2, 1.1])
    else:
        left, *panels = check_axes(ax, 3)
    outputs, value = [], pixels
    for layer in checked.layers:
        value = layer(value)
        outputs.append(np.asarray(value[0]))
    left.imshow(
        pixels.reshape(IMAGE_SIZE, IMAGE_SIZE), cmap="gray_r", vmin=0, vmax=1, extent=(0, 28, 28, 0)
    )
    left.set_xticks([])
    left.set_yticks([])
    predicted = int(outputs[-1].argmax())
    left.set_title(f"Predicted: {predicted}\n({100 * outputs[-1][predicted]:.0f} %)", fontsize=10)
    names = ("First", "Second")
    for axes, name, index in zip(panels, names, _CONVOLUTIONS, strict=True):
        maps = np.moveaxis(outputs[index], -1, 0)
        image_of_maps = ImageGrid(maps, columns=8, gap=1).draw(axes, cmap="viridis", vmin=0)
        count, side, _ = maps.shape
        axes.set_title(f"{name} convolution:\n{count} maps of {side} × {side}", fontsize=10)
        figure_of(axes).colorbar(image_of_maps, ax=axes, label="Activation", shrink=0.8)
    return figure_of(left)


def _check_model(model: Any) -> keras.Sequential:
    from mnistcnn.models.cnn import check_architecture
    from mnistcnn.models.loading import as_model

    loaded = as_model(model)
    check_architecture(loaded)
    return loaded


def _filter_tiles(kernel: NDArray[Any]) -> NDArray[Any]:
    """Return the 3 × 3 kernels, ordered by input channel, then by filter."""
    return np.transpose(kernel, (2, 3, 0, 1)).reshape(-1, *kernel.shape[:2])


def _draw_weights(axes: Axes, tiles: NDArray[Any], *, columns: int) -> None:
    limit = float(np.abs(tiles).max()) or 1.0
    cmap = colormaps["RdBu_r"].with_extremes(bad=_GAP_COLOR)
    image = ImageGrid(tiles, columns=columns, gap=1).draw(axes, cmap=cmap, vmin=-limit, vmax=limit)
    figure_of(axes).colorbar(image, ax=axes, label="Weight")
