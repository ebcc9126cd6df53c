"""Random distortions of a batch, computed in the graph that trains on it.

What is dear about a distortion is drawn ahead: a bank of displacement fields and a bank of
textures, made once by NumPy. A step then only looks up and mixes; what that adds to it is
measured by ``benchmarks/accuracy/accuracy.py --only cost``. Two savings matter most:

- a field moves a group of eight images at once, so that bilinear interpolation reads and
  writes whole rows of memory. A batch of 128 still meets 16 fields, and each epoch puts
  other images together;
- what is meant for a share of the images is computed for that share alone, the first of the
  batch, since the order of the images is random already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.backend import tf
from mnistcnn.recipes import Augmentation
from mnistcnn.types import IMAGE_SIZE, Float32Array

_NUM_FIELDS = 4096
_TEXTURES = 2048
_GROUP = 8
_PADDED = IMAGE_SIZE + 2
# Noise is smoothed on a canvas wide enough that opposite edges of an image don't agree.
_CANVAS = 44
_CHUNK = 256
# How far a texture must stand out, in its standard deviations, to become a blot.
_BLOT = 1.6


class Augmenter:
    """The distortions of one training run: the same seed gives the same images.

    Parameters
    ----------
    augmentation : Augmentation
        What may happen to an image, and how much of it.
    draw : sequence of int
        Two words of entropy, each ``uint32``.
    """

    def __init__(self, augmentation: Augmentation, draw: Sequence[int]) -> None:
        self._plan = augmentation
        self._seed = tuple(int(word) for word in draw)
        generator = np.random.default_rng(self._seed)
        positions = source_positions(augmentation, generator, _NUM_FIELDS)
        corners = np.minimum(np.floor(positions), _PADDED - 2)
        with tf.device("CPU:0"):
            self._corners = tf.constant(
                (corners[..., 0] * _PADDED + corners[..., 1]).astype(np.int32)
            )
            self._beyond = tf.constant((positions - corners).astype(np.float32))
            self._textures = tf.constant(textures(generator, _TEXTURES))

    def __call__(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Return distorted images, inside a graph.

        Parameters
        ----------
        images : tf.Tensor
            ``float32 (n, 28, 28, 1)`` in [0, 1].
        step : tf.Tensor
            ``int64 ()``: the number of the step in the run, from which all is drawn.
        """
        x = self._warped(images, step)
        count = tf.shape(x)[0]
        if self._plan.stroke_prob:
            first = _fraction_of(count, self._plan.stroke_prob)
            x = tf.concat([self._stroked(x[:first], step), x[first:]], axis=0)
        if self._plan.degrade_prob:
            # The last of the batch, so that strokes and soil fall together by chance only.
            rest = count - _fraction_of(count, self._plan.degrade_prob)
            x = tf.concat([x[:rest], self._soiled(x[rest:], step)], axis=0)
        return x

    def _warped(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        count = tf.shape(images)[0]
        groups = (count + _GROUP - 1) // _GROUP
        lacking = groups * _GROUP - count
        whole = tf.pad(images, [[0, lacking], [1, 1], [1, 1], [0, 0]])
        # Pixels first, then the images of a group side by side.
        rows = tf.transpose(tf.reshape(whole, (groups, _GROUP, _PADDED**2)), (0, 2, 1))
        rows = tf.reshape(rows, (-1, _GROUP))
        fields = self._uniform_integers((groups,), step, 0, _NUM_FIELDS)
        corners = tf.gather(self._corners, fields) + tf.range(groups)[:, None] * _PADDED**2
        beyond = tf.gather(self._beyond, fields)
        down, right = beyond[..., :1], beyond[..., 1:]
        upper, lower = tf.gather(rows, corners), tf.gather(rows, corners + _PADDED)
        upper += right * (tf.gather(rows, corners + 1) - upper)
        lower += right * (tf.gather(rows, corners + _PADDED + 1) - lower)
        moved = tf.transpose(upper + down * (lower - upper), (0, 2, 1))
        return tf.reshape(moved, (-1, IMAGE_SIZE, IMAGE_SIZE, 1))[:count]

    def _stroked(self, x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Make a third of the strokes thicker, a third thinner, and blur a third."""
        third = tf.shape(x)[0] // 3
        thick, thin, soft = x[:third], x[third : 2 * third], x[2 * third :]
        changed = tf.concat(
            [
                tf.nn.max_pool2d(thick, 3, 1, "SAME"),
                -tf.nn.max_pool2d(-thin, 2, 1, "SAME"),
                tf.nn.avg_pool2d(soft, 5, 1, "SAME"),
            ],
            axis=0,
        )
        much = self._uniform((tf.shape(x)[0], 1, 1, 1), step, 1)
        return x + much * (changed - x)

    def _soiled(self, x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Put the digit in paler ink on a paper with a ground, a texture and blots."""
        plan, count = self._plan, tf.shape(x)[0]
        shape = (count, 1, 1, 1)
        chosen = self._uniform_integers((2, count), step, 2, _TEXTURES)
        texture = tf.gather(self._textures, chosen[0])
        blots = tf.nn.relu(tf.gather(self._textures, chosen[1]) - _BLOT)
        kind = self._uniform(shape, step, 3)
        # A third of the papers has light blots, a third has blots that hide the ink.
        light = tf.cast(kind < 1 / 3, tf.float32)
        dark = tf.cast(kind > 2 / 3, tf.float32)
        x *= 1 - dark * tf.minimum(2 * blots, 1)
        paper = plan.max_background * self._uniform(shape, step, 4) ** 2
        ink = paper + (1 - paper) * (1 - plan.max_contrast_loss * self._uniform(shape, step, 5))
        x = paper + (ink - paper) * x
        x += plan.texture_std * self._uniform(shape, step, 6) ** 2 * texture + light * 2 * blots
        return tf.clip_by_value(x, 0.0, 1.0)

    def _uniform(self, shape: object, step: tf.Tensor, purpose: int) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, self._stream(step, purpose))

    def _uniform_integers(
        self, shape: object, step: tf.Tensor, purpose: int, below: int
    ) -> tf.Tensor:
        seed = self._stream(step, purpose)
        return tf.random.stateless_uniform(shape, seed, 0, below, tf.int32)

    def _stream(self, step: tf.Tensor, purpose: int) -> tf.Tensor:
        """Return a seed that no other step and no other purpose has."""
        first, second = (tf.constant(word, tf.int64) for word in self._seed)
        return tf.stack([first + purpose, second + (tf.cast(step, tf.int64) * 2**32)])


def source_positions(
    plan: Augmentation, generator: np.random.Generator, count: int
) -> Float32Array:
    """Return ``float32 (count, 784, 2)``: where each pixel comes from, in rows and columns.

    Counted in an image with a border of one pixel. Turning, scaling, shearing and shifting
    are drawn evenly within their limits, and make an affine map about the centre. The
    elastic part is noise smoothed by a Gaussian, as in Simard, Steinkraus and Platt, "Best
    practices for convolutional neural networks applied to visual document analysis" (2003).
    """

    def within(limit: float) -> Float32Array:
        return generator.uniform(-limit, limit, count).astype(np.float32)

    angle, shear = np.radians(within(plan.rotation)), np.tan(np.radians(within(plan.shear)))
    height, width = np.exp(within(plan.scale)), np.exp(within(plan.scale))
    turned = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    sized = np.stack([1 / height, np.zeros_like(shear), shear, 1 / width], -1)
    maps = turned.reshape(-1, 2, 2) @ sized.reshape(-1, 2, 2)
    grid = np.stack(np.meshgrid(*[np.arange(IMAGE_SIZE)] * 2, indexing="ij"), -1)
    centre = (IMAGE_SIZE - 1) / 2
    positions = (grid.reshape(-1, 2) - centre) @ maps.transpose(0, 2, 1)
    positions += np.stack([within(plan.translation), within(plan.translation)], -1)[:, None]
    if plan.elastic_alpha:
        widths = np.full((2 * count, 2), plan.elastic_sigma, np.float32)
        smooth = _smooth_noise(generator, widths, np.zeros(2 * count, np.float32))
        much = plan.elastic_alpha * generator.uniform(0, 1, (count, 1, 1)).astype(np.float32)
        positions += much * smooth.reshape(count, 2, -1).transpose(0, 2, 1)
    inside: Float32Array = np.clip(positions + centre + 1, 0, _PADDED - 1).astype(np.float32)
    return inside


def textures(generator: np.random.Generator, count: int) -> Float32Array:
    """Return ``float32 (count, 28, 28, 1)`` of mean 0 and deviation 1: random grounds.

    Noise smoothed by a Gaussian of two unequal widths in a random direction: grain, clouds,
    shadows, streaks.
    """
    # From far less than a pixel, which leaves the noise as it is, to a third of the image.
    widths = np.exp2(generator.uniform(-2, 3.2, (count, 2))).astype(np.float32)
    angles = generator.uniform(0, np.pi, count).astype(np.float32)
    return _smooth_noise(generator, widths, angles)[..., None]


def _smooth_noise(
    generator: np.random.Generator, widths: Float32Array, angles: Float32Array
) -> Float32Array:
    """Return ``float32 (n, 28, 28)`` of deviation 1 about 0: noise under oblong Gaussians.

    Parameters
    ----------
    widths : Float32Array
        ``(n, 2)``: the Gaussians' standard deviations in pixels.
    angles : Float32Array
        ``(n,)``: which way the first of them lies, in radians.
    """
    rows, columns = np.fft.fftfreq(_CANVAS)[:, None], np.fft.rfftfreq(_CANVAS)
    smooth = np.empty((len(widths), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for first in range(0, len(widths), _CHUNK):
        part = slice(first, first + _CHUNK)
        cos, sin = np.cos(angles[part, None, None]), np.sin(angles[part, None, None])
        along, across = widths[part, :1, None], widths[part, 1:, None]
        squared = (along * (rows * cos + columns * sin)) ** 2
        squared += (across * (columns * cos - rows * sin)) ** 2
        noise = generator.standard_normal((len(cos), _CANVAS, _CANVAS), np.float32)
        kept = np.fft.rfft2(noise) * np.exp(-2 * np.pi**2 * squared)
        # The canvas is periodic; the part that is cut out of it is not.
        smooth[part] = np.fft.irfft2(kept)[:, :IMAGE_SIZE, :IMAGE_SIZE]
    smooth /= np.sqrt((smooth**2).mean((1, 2), keepdims=True))
    return smooth


def _fraction_of(count: tf.Tensor, share: float) -> tf.Tensor:
    return tf.cast(tf.round(tf.cast(count, tf.float32) * share), tf.int32)
