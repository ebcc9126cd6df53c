"""Figures in the HTML page of a report, for a light and for a dark background."""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

_DPI = 130
_CSS_DPI = 96
_COLORS = 128  # enough for plots; a palette halves the size of the page
# The colors of the page in dark mode.
_BACKGROUND, _TEXT, _LINE = "#15181c", "#e6e8eb", "#6b737d"
_WHITE = colors.to_rgba("white")
# Color maps with white as their lowest or middle color, and what replaces them.
_DARK_MAPS = {
    "gray_r": ["black", "white"],
    "Reds": ["black", "#ff5a4d"],
    "RdBu_r": ["#79c4f5", _BACKGROUND, "#ff7b6b"],
}


def plot_image(figure: Figure, alt: str) -> dict[str, Any]:
    """Return a figure as data URIs, with its size in CSS pixels and its alternative text.

    The colors of the figure are changed to those of the dark version.
    """
    light = _draw(figure)
    _use_dark_colors(figure)
    width, height = (round(side * _CSS_DPI / _DPI) for side in light.size)
    return {
        "source": png_data_uri(light),
        "dark": png_data_uri(_draw(figure)),
        "width": width,
        "height": height,
        "alt": alt,
    }


def png_data_uri(image: Image.Image) -> str:
    """Return an image as a data URI."""
    png = io.BytesIO()
    image.save(png, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def _draw(figure: Figure) -> Image.Image:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_DPI, transparent=False, facecolor="auto")
    with Image.open(png) as opened:
        return opened.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)


def _use_dark_colors(figure: Figure) -> None:
    figure.set_facecolor(_BACKGROUND)
    for axes in figure.axes:
        _darken_frame(axes)
        # Text inside of the axes stays: it is written on the colors of the data.
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(_TEXT)
        for image in axes.images:
            shades = _DARK_MAPS.get(image.get_cmap().name)
            if shades:
                dark = colors.LinearSegmentedColormap.from_list("dark", shades)
                image.set_cmap(dark.with_extremes(bad=_LINE))
        for patch in axes.patches:
            if colors.to_rgba(patch.get_edgecolor()) == _WHITE:
                patch.set_edgecolor(_BACKGROUND)


def _darken_frame(axes: Axes) -> None:
    """Change the colors of the background, the spines, the ticks and the legend."""
    if colors.to_rgba(axes.get_facecolor()) == _WHITE:
        axes.set_facecolor(_BACKGROUND)
    for spine in axes.spines.values():
        spine.set_edgecolor(_LINE)
    axes.tick_params(which="both", color=_LINE, labelcolor=_TEXT)
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set(facecolor=_BACKGROUND, edgecolor=_LINE)
        for text in legend.get_texts():
            text.set_color(_TEXT)
