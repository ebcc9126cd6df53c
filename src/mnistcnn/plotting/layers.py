"""Plots of the convolutional layers: filters and activations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.preprocessing import preprocess
from mnistcnn.evaluation.formatting import top_classes
from mnistcnn.plotting.common import check_axes, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.plotting.image_grid import ImageGrid
from mnistcnn.public import public
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.validation import check_images

if TYPE_CHECKING:
    import keras

_GAP_COLOR = "#C9C9C9"  # unlike the white of a weight of 0
_MAX_LAYERS = 6
_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")
# Of a layer with more, the first ones are plotted.
_MAX_FILTERS, _MAX_CHANNELS, _MAX_MAPS = 64, 32, 64
# Columns of the filters of one channel, and of feature maps.
_FILTER_COLUMNS, _MAP_COLUMNS = 16, 8


@public
def plot_filters(model: keras.Model | PathLike, *, ax: Sequence[Axes] | None = None) -> Figure:
    """Plot the weights of the filters of the convolutional layers.

    Positive weights are red, negative ones blue. Of a layer with more than 64 filters or 32
    input channels, the first ones are plotted.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A model with ``Conv2D`` layers, of which the first six are plotted, a file of the
        baseline network that `load_model` accepts, or the name of pretrained weights:
        ``"best"`` or ``"robust"``.
    ax : sequence of matplotlib.axes.Axes, optional
        Axes for each layer. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `model` has the wrong type or no ``Conv2D`` layer, or `ax` is not one Axes for each
        layer.
    FileNotFoundError, CorruptFileError
        If the file does not exist or is damaged.

    Examples
    --------
    >>> from mnistcnn import load_pretrained, plot_filters
    >>> plot_filters(load_pretrained()).axes[0].get_title()
    'First convolution: 32 filters of 3 × 3'
    """
    kernels = [np.asarray(layer.kernel) for layer in convolutions(_load(model))]
    tiles = [_filter_tiles(kernel) for kernel in kernels]
    if ax is None:
        heights = [0.45 + 7.1 * len(each) / columns**2 for each, columns in tiles]
        figure = new_figure((8.4, sum(heights)))
        rows = figure.subplots(len(kernels), 1, height_ratios=heights, squeeze=False)
        panels = list(rows[:, 0])
    else:
        panels = check_axes(ax, len(kernels))
    for axes, kernel, ordinal, (kernel_tiles, columns) in zip(
        panels, kernels, _ORDINALS, tiles, strict=False
    ):
        _draw_weights(axes, kernel_tiles, columns=columns)
        axes.set_title(f"{ordinal} convolution: {_describe(kernel)}", fontsize=10)
        if kernel.shape[2] > 1:
            axes.set_xlabel("Filter")
            axes.set_ylabel("Input channel")
    return figure_of(panels[0])


@public
def plot_activations(
    model: keras.Model | PathLike, image: ArrayLike, *, ax: Sequence[Axes] | None = None
) -> Figure:
    r"""Plot an image and the feature maps of the convolutional layers.

    Of a layer with more than 64 maps, the first ones are plotted.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A ``Sequential`` or functional model with ``Conv2D`` layers, of which the first six are
        plotted, a file of the baseline network that `load_model` accepts, or the name of
        pretrained weights: ``"best"`` or ``"robust"``.
    image : array_like
        One image: raw ``uint8 (28, 28)``, or preprocessed ``float32 (28, 28, 1)`` in [0, 1].
    ax : sequence of matplotlib.axes.Axes, optional
        Axes for the image and for each layer; three for the baseline network. Default: a new
        figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `model` has the wrong type, no ``Conv2D`` layer or no layer outputs, `image` is not
        one image, or `ax` is not one Axes for the image and one for each layer.
    FileNotFoundError, CorruptFileError
        If the file does not exist or is damaged.

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, plot_activations
    >>> _, (images, labels) = load_data("digits")
    >>> figure = plot_activations(load_pretrained(), images[0])
    >>> figure.axes[1].get_title()
    'First convolution:\n32 maps of 26 × 26'
    """
    loaded = _load(model)
    layers = convolutions(loaded)
    pixels = preprocess(check_images(image))
    if len(pixels) != 1:
        raise ValueError(f"image must be one image; received {len(pixels)}")
    probabilities, maps = _outputs(loaded, layers, pixels)
    if ax is None:
        ratios = [1.0, *(max(1.1, _MAP_COLUMNS / -(-len(each) // _MAP_COLUMNS)) for each in maps)]
        figure = new_figure((9 * max(sum(ratios), 2) / 4.1, 2.9))
        left, *panels = figure.subplots(1, len(ratios), width_ratios=ratios)
    else:
        left, *panels = check_axes(ax, 1 + len(layers))
    left.imshow(
        pixels.reshape(IMAGE_SIZE, IMAGE_SIZE), cmap="gray_r", vmin=0, vmax=1, extent=(0, 28, 28, 0)
    )
    left.set_xticks([])
    left.set_yticks([])
    left.set_title(_prediction(loaded, probabilities), fontsize=10)
    for axes, ordinal, layer, layer_maps in zip(panels, _ORDINALS, layers, maps, strict=False):
        grid = ImageGrid(layer_maps, columns=_MAP_COLUMNS, gap=1)
        image_of_maps = grid.draw(axes, cmap="viridis", vmin=min(0.0, float(layer_maps.min())))
        count, height, width = layer_maps.shape
        more = f" of {layer.filters}" if count < layer.filters else ""
        title = f"{ordinal} convolution:\n{count}{more} maps of {height} × {width}"
        axes.set_title(title, fontsize=10)
        figure_of(axes).colorbar(image_of_maps, ax=axes, label="Activation", shrink=0.8)
    return figure_of(left)


def convolutions(model: keras.Model) -> list[Any]:
    """Return the first ``Conv2D`` layers of a model; raise ``ValueError`` if it has none."""
    from mnistcnn.backend import keras

    found = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    layers = list(itertools.islice(found, _MAX_LAYERS))
    if not layers:
        names = ", ".join(type(layer).__name__ for layer in model.layers) or "none"
        raise ValueError(
            f"model must have a Conv2D layer, not inside of another layer; received layers {names}"
        )
    return layers


def has_layer_outputs(model: keras.Model) -> bool:
    """Return whether a model is built from layers whose outputs are known."""
    from mnistcnn.backend import keras

    kinds = keras.Sequential, type(keras.Model(*[keras.Input((1,))] * 2))  # functional
    return isinstance(model, kinds) and bool(model.built)


def _load(model: Any) -> keras.Model:
    from mnistcnn.models.loading import as_model

    return as_model(model)


def _outputs(
    model: keras.Model, layers: Sequence[Any], pixels: NDArray[np.float32]
) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Return the probabilities of an image, and the feature maps of each layer."""
    from mnistcnn.backend import keras

    if not has_layer_outputs(model):
        raise ValueError(
            "model must be a built Sequential or functional model to plot activations; "
            f"received a keras.{type(model).__name__}"
        )
    outputs = keras.Model(model.inputs, [*(layer.output for layer in layers), model.outputs[0]])
    *maps, probabilities = (np.asarray(each, np.float32)[0] for each in outputs([pixels]))
    return probabilities, [np.moveaxis(each, -1, 0)[:_MAX_MAPS] for each in maps]


def _prediction(model: keras.Model, probabilities: NDArray[Any]) -> str:
    from mnistcnn.models.classes import get_class_names

    names = get_class_names(model, len(probabilities))
    return "Predicted:\n" + "\n".join(top_classes(probabilities, names))


def _describe(kernel: NDArray[Any]) -> str:
    height, width, channels, filters = kernel.shape
    size = f"{height} × {width}" if channels == 1 else f"{channels} × {height} × {width}"
    text = f"{filters} filters of {size}"
    if filters > _MAX_FILTERS or channels > _MAX_CHANNELS:
        text += f", of which {min(filters, _MAX_FILTERS)} with {min(channels, _MAX_CHANNELS)}"
        text += " channels are shown"
    return text


def _filter_tiles(kernel: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return the kernels as tiles, by input channel and filter, and the number of columns."""
    kernel = kernel[:, :, :_MAX_CHANNELS, :_MAX_FILTERS]
    tiles = np.transpose(kernel, (2, 3, 0, 1)).reshape(-1, *kernel.shape[:2])
    return tiles, _FILTER_COLUMNS if kernel.shape[2] == 1 else kernel.shape[3]


def _draw_weights(axes: Axes, tiles: NDArray[Any], *, columns: int) -> None:
    limit = float(np.abs(tiles).max()) or 1.0
    cmap = colormaps["RdBu_r"].with_extremes(bad=_GAP_COLOR)
    image = ImageGrid(tiles, columns=columns, gap=1).draw(axes, cmap=cmap, vmin=-limit, vmax=limit)
    figure_of(axes).colorbar(image, ax=axes, label="Weight")
