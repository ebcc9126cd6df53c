"""Random augmentation of batches of images, computed in the training graph.

The expensive parts are precomputed by NumPy: a bank of displacement fields and a bank of
textures. A training step only looks up and mixes; ``benchmarks/accuracy/accuracy.py --only
cost`` measures its cost. Two optimizations matter most:

- One field moves a group of eight images, so that bilinear interpolation reads and writes
  whole rows of memory. A batch of 128 images still uses 16 fields, and the groups change with
  each epoch.
- An augmentation that applies to a fraction of the images is computed for that fraction only,
  the first or the last images of the batch, since the order of the images is random anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.backend import tf
from mnistcnn.recipes import Augmentation
from mnistcnn.types import IMAGE_SIZE, Float32Array

_NUM_FIELDS = 4096
_NUM_TEXTURES = 2048
_GROUP_SIZE = 8  # images per displacement field
_PADDED_SIZE = IMAGE_SIZE + 2
# FFT smoothing is periodic: the canvas is larger, so that opposite image edges do not correlate.
_CANVAS_SIZE = 44
_CHUNK_SIZE = 256  # fields or textures per FFT, which bounds the memory
_BLOT_THRESHOLD = 1.6  # in standard deviations of a texture


class Augmenter:
    """The random augmentation of one training run.

    Parameters
    ----------
    settings : Augmentation
        Kinds and strengths of the augmentation.
    seed : sequence of int
        Two words of entropy, each ``uint32``. The same seed gives the same images.
    """

    def __init__(self, settings: Augmentation, seed: Sequence[int]) -> None:
        self._settings = settings
        self._seed = tuple(int(word) for word in seed)
        generator = np.random.default_rng(self._seed)
        positions = source_positions(settings, generator, _NUM_FIELDS)
        corners = np.minimum(np.floor(positions), _PADDED_SIZE - 2)
        with tf.device("CPU:0"):
            self._corners = tf.constant(
                (corners[..., 0] * _PADDED_SIZE + corners[..., 1]).astype(np.int32)
            )
            self._fractions = tf.constant((positions - corners).astype(np.float32))
            self._textures = tf.constant(random_textures(generator, _NUM_TEXTURES))

    def __call__(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Return augmented images, inside a graph.

        Parameters
        ----------
        images : tf.Tensor
            ``float32 (n, 28, 28, 1)`` in [0, 1].
        step : tf.Tensor
            ``int64 ()``: number of the step in the run, which seeds the random numbers.
        """
        x = self._warp(images, step)
        count = tf.shape(x)[0]
        if self._settings.stroke_prob:
            index = _round_fraction(count, self._settings.stroke_prob)
            x = tf.concat([self._vary_stroke(x[:index], step), x[index:]], axis=0)
        if self._settings.degrade_prob:
            # The last images, so that an image rarely has both stroke variation and degradation.
            index = count - _round_fraction(count, self._settings.degrade_prob)
            x = tf.concat([x[:index], self._degrade(x[index:], step)], axis=0)
        return x

    def _warp(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Move the pixels of each group of images by a random displacement field."""
        count = tf.shape(images)[0]
        groups = (count + _GROUP_SIZE - 1) // _GROUP_SIZE
        missing = groups * _GROUP_SIZE - count
        padded = tf.pad(images, [[0, missing], [1, 1], [1, 1], [0, 0]])
        # Pixels first, then the images of a group side by side.
        rows = tf.transpose(tf.reshape(padded, (groups, _GROUP_SIZE, _PADDED_SIZE**2)), (0, 2, 1))
        rows = tf.reshape(rows, (-1, _GROUP_SIZE))
        fields = self._random_integers((groups,), step, 0, _NUM_FIELDS)
        corners = tf.gather(self._corners, fields) + tf.range(groups)[:, None] * _PADDED_SIZE**2
        fractions = tf.gather(self._fractions, fields)
        down, right = fractions[..., :1], fractions[..., 1:]
        upper, lower = tf.gather(rows, corners), tf.gather(rows, corners + _PADDED_SIZE)
        upper += right * (tf.gather(rows, corners + 1) - upper)
        lower += right * (tf.gather(rows, corners + _PADDED_SIZE + 1) - lower)
        warped = tf.transpose(upper + down * (lower - upper), (0, 2, 1))
        return tf.reshape(warped, (-1, IMAGE_SIZE, IMAGE_SIZE, 1))[:count]

    def _vary_stroke(self, x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Dilate the strokes of a third of the images, erode those of a third, blur a third."""
        third = tf.shape(x)[0] // 3
        dilated, eroded, blurred = x[:third], x[third : 2 * third], x[2 * third :]
        changed = tf.concat(
            [
                tf.nn.max_pool2d(dilated, 3, 1, "SAME"),
                -tf.nn.max_pool2d(-eroded, 2, 1, "SAME"),
                tf.nn.avg_pool2d(blurred, 5, 1, "SAME"),
            ],
            axis=0,
        )
        strength = self._random((tf.shape(x)[0], 1, 1, 1), step, 1)
        return x + strength * (changed - x)

    def _degrade(self, x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Reduce the contrast, and add a background level, a texture and blots."""
        settings, count = self._settings, tf.shape(x)[0]
        shape = (count, 1, 1, 1)
        indices = self._random_integers((2, count), step, 2, _NUM_TEXTURES)
        texture = tf.gather(self._textures, indices[0])
        blots = tf.nn.relu(tf.gather(self._textures, indices[1]) - _BLOT_THRESHOLD)
        kind = self._random(shape, step, 3)
        # A third of the images has bright blots, a third has blots that erase the strokes.
        has_bright_blots = tf.cast(kind < 1 / 3, tf.float32)
        has_erasing_blots = tf.cast(kind > 2 / 3, tf.float32)
        x *= 1 - has_erasing_blots * tf.minimum(2 * blots, 1)
        background = settings.max_background * self._random(shape, step, 4) ** 2
        contrast = 1 - settings.max_contrast_loss * self._random(shape, step, 5)
        stroke = background + (1 - background) * contrast
        x = background + (stroke - background) * x
        strength = settings.texture_std * self._random(shape, step, 6) ** 2
        x += strength * texture + has_bright_blots * 2 * blots
        return tf.clip_by_value(x, 0.0, 1.0)

    def _random(self, shape: object, step: tf.Tensor, stream: int) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, self._stream_seed(step, stream))

    def _random_integers(
        self, shape: object, step: tf.Tensor, stream: int, maxval: int
    ) -> tf.Tensor:
        seed = self._stream_seed(step, stream)
        return tf.random.stateless_uniform(shape, seed, 0, maxval, tf.int32)

    def _stream_seed(self, step: tf.Tensor, stream: int) -> tf.Tensor:
        """Return a seed that is unique to the step and the stream of random numbers."""
        first, second = (tf.constant(word, tf.int64) for word in self._seed)
        return tf.stack([first + stream, second + (tf.cast(step, tf.int64) * 2**32)])


def source_positions(
    settings: Augmentation, generator: np.random.Generator, count: int
) -> Float32Array:
    """Return ``float32 (count, 784, 2)``: the row and column that each pixel is read from.

    Positions are those of an image padded by one pixel. Rotation, scale, shear and translation
    are drawn uniformly within their limits and combined to an affine map about the center. The
    elastic displacement is Gaussian-smoothed noise, as in Simard, Steinkraus and Platt, "Best
    practices for convolutional neural networks applied to visual document analysis" (2003).
    """

    def uniform(limit: float) -> Float32Array:
        return generator.uniform(-limit, limit, count).astype(np.float32)

    angle, shear = np.radians(uniform(settings.rotation)), np.radians(uniform(settings.shear))
    shear = np.tan(shear)
    height, width = np.exp(uniform(settings.scale)), np.exp(uniform(settings.scale))
    rotation = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    scale_shear = np.stack([1 / height, np.zeros_like(shear), shear, 1 / width], -1)
    maps = rotation.reshape(-1, 2, 2) @ scale_shear.reshape(-1, 2, 2)
    grid = np.stack(np.meshgrid(*[np.arange(IMAGE_SIZE)] * 2, indexing="ij"), -1)
    center = (IMAGE_SIZE - 1) / 2
    positions = (grid.reshape(-1, 2) - center) @ maps.transpose(0, 2, 1)
    shifts = uniform(settings.translation), uniform(settings.translation)
    positions += np.stack(shifts, -1)[:, None]
    if settings.elastic_alpha:
        sigmas = np.full((2 * count, 2), settings.elastic_sigma, np.float32)
        noise = _smooth_noise(generator, sigmas, np.zeros(2 * count, np.float32))
        strength = generator.uniform(0, 1, (count, 1, 1)).astype(np.float32)
        displacement = noise.reshape(count, 2, -1).transpose(0, 2, 1)
        positions += settings.elastic_alpha * strength * displacement
    inside: Float32Array = np.clip(positions + center + 1, 0, _PADDED_SIZE - 1).astype(np.float32)
    return inside


def random_textures(generator: np.random.Generator, count: int) -> Float32Array:
    """Return ``float32 (count, 28, 28, 1)`` of mean 0 and standard deviation 1.

    A texture is noise smoothed by an anisotropic Gaussian of random orientation, and resembles
    grain, clouds, shadows or streaks.
    """
    # From a fraction of a pixel, which does not smooth the noise, to a third of the image.
    sigmas = np.exp2(generator.uniform(-2, 3.2, (count, 2))).astype(np.float32)
    angles = generator.uniform(0, np.pi, count).astype(np.float32)
    return _smooth_noise(generator, sigmas, angles)[..., None]


def _smooth_noise(
    generator: np.random.Generator, sigmas: Float32Array, angles: Float32Array
) -> Float32Array:
    """Return ``float32 (n, 28, 28)``: smoothed noise of root mean square 1.

    Parameters
    ----------
    generator : numpy.random.Generator
        Draws the noise.
    sigmas : Float32Array
        ``(n, 2)``: standard deviations of the Gaussians along their axes, in pixels.
    angles : Float32Array
        ``(n,)``: orientation of the first axis, in radians.
    """
    rows, columns = np.fft.fftfreq(_CANVAS_SIZE)[:, None], np.fft.rfftfreq(_CANVAS_SIZE)
    smooth = np.empty((len(sigmas), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for start in range(0, len(sigmas), _CHUNK_SIZE):
        chunk = slice(start, start + _CHUNK_SIZE)
        cos, sin = np.cos(angles[chunk, None, None]), np.sin(angles[chunk, None, None])
        sigma_1, sigma_2 = sigmas[chunk, :1, None], sigmas[chunk, 1:, None]
        squared = (sigma_1 * (rows * cos + columns * sin)) ** 2
        squared += (sigma_2 * (columns * cos - rows * sin)) ** 2
        noise = generator.standard_normal((len(cos), _CANVAS_SIZE, _CANVAS_SIZE), np.float32)
        filtered = np.fft.rfft2(noise) * np.exp(-2 * np.pi**2 * squared)
        smooth[chunk] = np.fft.irfft2(filtered)[:, :IMAGE_SIZE, :IMAGE_SIZE]
    smooth /= np.sqrt((smooth**2).mean((1, 2), keepdims=True))
    return smooth


def _round_fraction(count: tf.Tensor, fraction: float) -> tf.Tensor:
    return tf.cast(tf.round(tf.cast(count, tf.float32) * fraction), tf.int32)
