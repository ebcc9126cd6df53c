"""Which effects a synthetic page gets, and how often.

Each effect has a name and a probability for each style of page. An ablation trains the network
without some of them: pass their names as ``without``.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

# What a picture is, and how often. A scene is a picture without any writing.
STYLES = MappingProxyType({"photo": 0.62, "scan": 0.14, "digital": 0.2, "scene": 0.04})


class Chances(NamedTuple):
    """The probability of an effect in a photo or scene, in a scan and in a digital drawing."""

    photo: float
    scan: float = 0.0
    digital: float = 0.0


EFFECTS = MappingProxyType(
    {
        # geometry
        "small rotation": Chances(0.5, 0.4, 0.1),
        "perspective": Chances(0.35),
        "curl": Chances(0.12, 0.02),
        "surroundings": Chances(0.3, 0.06, 0.15),
        "occluder": Chances(0.1),
        # surface
        "dark surface": Chances(0.12, 0.03, 0.3),
        "colored paper": Chances(0.2, 0.1, 0.25),
        "textured surface": Chances(0.08, 0.0, 0.03),
        "grain": Chances(0.75, 0.5, 0.04),
        "fibre": Chances(0.2, 0.15),
        "speckle": Chances(0.15, 0.2, 0.02),
        "crumple": Chances(0.12, 0.03),
        "folds": Chances(0.12, 0.1),
        "stains": Chances(0.1, 0.06),
        "bleed-through": Chances(0.1, 0.12),
        "scene behind print": Chances(0.15, 0.0, 0.1),
        # ink
        "pale ink": Chances(0.25, 0.2, 0.12),
        "hard edges": Chances(0.0, 0.05, 0.3),
        # light
        "gradient": Chances(0.5, 0.1, 0.03),
        "vignette": Chances(0.3, 0.02),
        "lamp spot": Chances(0.18),
        "soft shadow": Chances(0.25, 0.04),
        "hard shadow": Chances(0.15, 0.01),
        "uneven light": Chances(0.5, 0.1),
        "mixed light": Chances(0.15),
        "exposure": Chances(0.8, 0.3, 0.05),
        # camera
        "defocus": Chances(0.35, 0.15, 0.08),
        "partial focus": Chances(0.08),
        "motion blur": Chances(0.1),
        "glare": Chances(0.06),
        "low resolution": Chances(0.2, 0.2, 0.15),
        "pixelated": Chances(0.01, 0.02, 0.12),
        "luma noise": Chances(0.7, 0.3, 0.04),
        "chroma noise": Chances(0.35, 0.15, 0.02),
        "sharpening": Chances(0.25, 0.2, 0.04),
        "moire": Chances(0.04, 0.04),
        "white balance": Chances(0.5, 0.2, 0.03),
        "tone curve": Chances(0.5, 0.4, 0.1),
        "stretched contrast": Chances(0.1, 0.3, 0.05),
        "gray": Chances(0.35, 0.5, 0.4),
        "JPEG": Chances(0.7, 0.4, 0.4),
        "binarized": Chances(0.04, 0.15, 0.05),
    }
)

# Clean pages are drawn without these.
HARD_EFFECTS = (
    "crumple", "textured surface", "occluder", "bleed-through", "pale ink", "lamp spot",
    "hard shadow", "defocus", "motion blur", "low resolution", "luma noise", "chroma noise",
    "grain", "moire", "scene",
)  # fmt: skip

# Not degradations: as frequent on clean pages as on others.
_ALWAYS = {"surroundings", "dark surface", "colored paper", "gray", "hard edges"}


class Effects:
    """Draw which effects a page gets.

    Parameters
    ----------
    generator : numpy.random.Generator
        The source of all randomness of the page.
    style : str
        A key of `STYLES`.
    without : collection of str, default ()
        Names of effects that never occur.
    """

    def __init__(
        self, generator: np.random.Generator, style: str, *, without: Collection[str] = ()
    ) -> None:
        self.generator = generator
        self.style = style
        self.without = frozenset(without)
        # Most pages are nearly clean, as most pictures of strangers are, and some get many effects
        # at once.
        self.severity = 1.2 * generator.uniform() ** 2 if style != "scene" else 1.0

    def occurs(self, name: str) -> bool:
        """Draw whether the effect occurs."""
        chances = EFFECTS[name]
        chance = chances.photo if self.style == "scene" else getattr(chances, self.style)
        if name not in _ALWAYS:
            chance *= self.severity
        # The number is drawn in any case, so that leaving out one effect changes little else.
        return self.generator.random() < chance and name not in self.without

    def uniform(self, low: float, high: float) -> float:
        """Draw a number of a uniform distribution."""
        return float(self.generator.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a number whose logarithm is distributed uniformly."""
        return float(np.exp(self.generator.uniform(np.log(low), np.log(high))))


def draw_style(generator: np.random.Generator, *, without: Collection[str] = ()) -> str:
    """Draw the style of a page; styles named in ``without`` are left out."""
    styles = [name for name in STYLES if name not in without]
    weights = np.array([STYLES[name] for name in styles])
    return str(generator.choice(styles, p=weights / weights.sum()))
