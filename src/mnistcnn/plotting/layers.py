"""What the two convolutions look for, and what they find in an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.preprocessing import preprocess
from mnistcnn.plotting.common import ImageGrid, check_axes, figure_of
from mnistcnn.public import public
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.validation import check_images

if TYPE_CHECKING:
    import keras

_GAP = "#C9C9C9"  # told apart from a weight of 0, which is white
_CONVOLUTIONS = (0, 2)  # their places among the layers


@public
def plot_filters(model: keras.Model | PathLike, *, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw the weights of both convolutions: what each filter looks for.

    Red weights want light there, blue ones none.

    Parameters
    ----------
    model : keras.Model, str or path-like
        The documented network, or a file that `load_model` takes.
    ax : pair of matplotlib.axes.Axes, optional
        Where to draw the first and the second convolution. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If `model` is something else or another network, or `ax` is not a pair.
    FileNotFoundError, CorruptFileError
        If the file is absent, damaged or of another network.

    Examples
    --------
    >>> from mnistcnn import load_pretrained, plot_filters
    >>> plot_filters(load_pretrained()).axes[0].get_title()
    'First convolution: 32 filters of 3 × 3'
    """
    network = _check_model(model)
    first, second = (np.asarray(network.layers[i].kernel) for i in _CONVOLUTIONS)
    if ax is None:
        figure = Figure(figsize=(8.4, 5.4), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[1, 4])
    else:
        above, below = check_axes(ax, 2)
    _draw_weights(above, _filter_tiles(first), columns=16)
    above.set_title("First convolution: 32 filters of 3 × 3", fontsize=10)
    _draw_weights(below, _filter_tiles(second), columns=second.shape[-1])
    below.set_title("Second convolution: 64 filters of 32 × 3 × 3", fontsize=10)
    below.set_xlabel("Filter, a column each")
    below.set_ylabel("Map of the first convolution")
    return figure_of(above)


@public
def plot_activations(
    model: keras.Model | PathLike, image: ArrayLike, *, ax: Sequence[Axes] | None = None
) -> Figure:
    r"""Draw an image and what both convolutions find in it.

    Each filter gives a map of where it found what it looks for; the brighter, the more.

    Parameters
    ----------
    model : keras.Model, str or path-like
        The documented network, or a file that `load_model` takes.
    image : array_like
        One: raw ``uint8 (28, 28)``, or preprocessed ``float32 (28, 28, 1)`` in [0, 1].
    ax : three of matplotlib.axes.Axes, optional
        Where to draw the image, the first and the second convolution. Default: a new
        figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If `model` is something else or another network, `image` is not one image, or
        `ax` is not three.
    FileNotFoundError, CorruptFileError
        If the file is absent, damaged or of another network.

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, plot_activations
    >>> _, (images, labels) = load_data("digits")
    >>> figure = plot_activations(load_pretrained(), images[0])
    >>> figure.axes[1].get_title()
    'First convolution:\n32 maps of 26 × 26'
    """
    network = _check_model(model)
    pixels = preprocess(check_images(image))
    if len(pixels) != 1:
        raise ValueError(f"image must be one image; received {len(pixels)}")
    if ax is None:
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        shown, first, second = figure.subplots(1, 3, width_ratios=[1, 2, 1.1])
    else:
        shown, first, second = check_axes(ax, 3)
    maps, value = [], pixels
    for layer in network.layers:
        value = layer(value)
        maps.append(np.asarray(value[0]))
    shown.imshow(
        pixels.reshape(IMAGE_SIZE, IMAGE_SIZE), cmap="gray_r", vmin=0, vmax=1, extent=(0, 28, 28, 0)
    )
    shown.set_xticks([])
    shown.set_yticks([])
    answer = int(maps[-1].argmax())
    shown.set_title(f"Answer: {answer}\n({100 * maps[-1][answer]:.0f} %)", fontsize=10)
    names = ("First", "Second")
    for axes, name, place in zip((first, second), names, _CONVOLUTIONS, strict=True):
        found = np.moveaxis(maps[place], -1, 0)
        image_of = ImageGrid(found, columns=8, gap=1).draw(axes, cmap="viridis", vmin=0)
        count, side, _ = found.shape
        axes.set_title(f"{name} convolution:\n{count} maps of {side} × {side}", fontsize=10)
        figure_of(axes).colorbar(image_of, ax=axes, label="Activation", shrink=0.8)
    return figure_of(shown)


def _check_model(model: Any) -> keras.Sequential:
    from mnistcnn.models.architecture import check_architecture
    from mnistcnn.models.loading import as_model

    network = as_model(model)
    check_architecture(network)
    return network


def _filter_tiles(kernel: NDArray[Any]) -> NDArray[Any]:
    """Return a kernel's 3 × 3 parts, for each map that it takes those of every filter."""
    return np.transpose(kernel, (2, 3, 0, 1)).reshape(-1, *kernel.shape[:2])


def _draw_weights(axes: Axes, tiles: NDArray[Any], *, columns: int) -> None:
    most = float(np.abs(tiles).max()) or 1.0
    colours = colormaps["RdBu_r"].with_extremes(bad=_GAP)
    image = ImageGrid(tiles, columns=columns, gap=1).draw(axes, cmap=colours, vmin=-most, vmax=most)
    figure_of(axes).colorbar(image, ax=axes, label="Weight")
