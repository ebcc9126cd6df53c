"""The plot of what predictions depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.preprocessing import preprocess
from mnistcnn.evaluation.formatting import top_classes
from mnistcnn.plotting.common import check_axes, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.plotting.layers import has_layer_outputs
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_int,
    check_labels,
    check_same_length,
)

if TYPE_CHECKING:
    import keras

_COLUMNS = 3
_ROW_INCHES, _WIDTH_INCHES = 2.1, 6.2
_NUM_CLASSES = 3
_FRAME = (0, 28, 28, 0)


@public
def plot_saliency(
    model: keras.Model | PathLike,
    images: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    max_images: int = 6,
    ax: Sequence[Axes] | None = None,
) -> Figure:
    """Plot which parts of images speak for a class: Grad-CAM and input gradients.

    One row per image: the image with its three most probable classes; Grad-CAM of the last
    convolutional layer, for the baseline network the second one, as a heat map over the image;
    and the gradient of the class's logit by each pixel. Where the gradient is red, more ink
    speaks for the class, where it is blue, against it.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A ``Sequential`` or functional model with ``Conv2D`` layers, a file of the baseline
        network that `load_model` accepts, or the name of pretrained weights: ``"best"`` or
        ``"robust"``.
    images : array_like
        One image or several: raw ``uint8 (n, 28, 28)``, or preprocessed
        ``float32 (n, 28, 28, 1)`` in [0, 1].
    classes : array_like, optional
        The class to explain for each image: ``(n,)`` in ``0...k - 1``, such as the true labels.
        Default: the predicted classes.
    max_images : int, default 6
        Maximum number of images, at least 1; the first ones are plotted.
    ax : sequence of matplotlib.axes.Axes, optional
        Three Axes for each image, row by row. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or range, `model` has no ``Conv2D`` layer or no layer
        outputs, or there are no images.
    FileNotFoundError, CorruptFileError
        If the file does not exist or is damaged.

    Notes
    -----
    R. R. Selvaraju and others, "Grad-CAM: Visual explanations from deep networks via
    gradient-based localization", International Conference on Computer Vision, 2017. Input
    gradients: K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks",
    2014. A heat map shows where the network looks, not that it is right to look there.

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, plot_saliency
    >>> _, (images, labels) = load_data("digits")
    >>> figure = plot_saliency(load_pretrained(), images[:2])
    >>> figure.axes[1].get_title()
    'Grad-CAM for 5'
    """
    from mnistcnn.models.classes import get_class_names
    from mnistcnn.models.loading import as_model
    from mnistcnn.models.saliency import saliency_maps

    network = as_model(model)
    layer = _last_convolution(network)
    pixels = preprocess(check_images(images))
    if not len(pixels):
        raise ValueError("images must hold at least one image; received none")
    count = min(check_int("max_images", max_images, minimum=1), len(pixels))
    probabilities = np.asarray(network(pixels[:count], training=False), np.float32)
    num_classes = probabilities.shape[1]
    chosen = probabilities.argmax(axis=1)
    if classes is not None:
        chosen = check_labels(check_array("classes", classes), num_classes, name="classes")
        check_same_length("images", len(pixels), "classes", len(chosen))
        chosen = chosen[:count]
    maps = saliency_maps(network, layer, pixels[:count], chosen)
    panels = _panels(count) if ax is None else check_axes(ax, _COLUMNS * count)
    names = get_class_names(network, num_classes)
    for i, (image, row) in enumerate(zip(pixels[..., 0], _rows(panels), strict=False)):
        title = "\n".join(top_classes(probabilities[i], names, _NUM_CLASSES))
        _draw_image(row[0], image, title)
        _draw_image(row[1], image, f"Grad-CAM for {names[chosen[i]]}", alpha=0.5)
        _draw_heat_map(row[1], maps.grad_cam[i], maps.extent)
        _draw_gradient(row[2], maps.gradients[i], f"Gradient for {names[chosen[i]]}")
    return figure_of(panels[0])


def _last_convolution(model: keras.Model) -> Any:
    from mnistcnn.backend import keras

    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if not layers or not has_layer_outputs(model):
        raise ValueError(
            "model must be a built Sequential or functional model with a Conv2D layer, not "
            f"inside of another layer; received a keras.{type(model).__name__} with the layers "
            f"{', '.join(type(layer).__name__ for layer in model.layers) or 'none'}"
        )
    return layers[-1]


def _panels(count: int) -> list[Axes]:
    figure = new_figure((_WIDTH_INCHES, _ROW_INCHES * count))
    return list(figure.subplots(count, _COLUMNS, squeeze=False).flat)


def _rows(panels: Sequence[Axes]) -> list[Sequence[Axes]]:
    return [panels[i : i + _COLUMNS] for i in range(0, len(panels), _COLUMNS)]


def _draw_image(axes: Axes, image: NDArray[Any], title: str, *, alpha: float = 1) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=_FRAME, alpha=alpha)
    _set_title(axes, title)


def _draw_heat_map(
    axes: Axes, heat_map: NDArray[Any], extent: tuple[float, float, float, float]
) -> None:
    axes.imshow(
        heat_map,
        cmap="Reds",
        alpha=0.6,
        vmin=0,
        vmax=float(heat_map.max()) or 1.0,
        extent=extent,
        interpolation="bilinear",
    )
    axes.set_xlim(0, 28)
    axes.set_ylim(28, 0)


def _draw_gradient(axes: Axes, gradient: NDArray[Any], title: str) -> None:
    limit = float(np.abs(gradient).max()) or 1.0
    axes.imshow(gradient, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=_FRAME)
    _set_title(axes, title)


def _set_title(axes: Axes, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9)
