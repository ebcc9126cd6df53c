"""Digit recognition without Keras or TensorFlow: the network runs on ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.data.batches import iter_batches
from mnistcnn.images.image_io import ImageLike, read_image
from mnistcnn.notebook import html
from mnistcnn.ocr.fitted_reading import fit_reading
from mnistcnn.ocr.pattern_matching import Pattern, compile_pattern
from mnistcnn.ocr.regions import Region, check_region, crop_region, move_reading
from mnistcnn.ocr.results import DEFAULT_MARK, Reading, check_mark
from mnistcnn.public import public
from mnistcnn.types import DIGIT_NAMES, IMAGE_SIZE, Float32Array, Int64Array, PathLike
from mnistcnn.utils.environment import max_parallel
from mnistcnn.utils.text import did_you_mean, escape, quote, quote_names
from mnistcnn.utils.validation import check_fraction, check_images, check_in, check_int
from mnistcnn.weights.network_file import OnnxNetwork, read_network_file
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import PRETRAINED, load_pretrained_weights
from mnistcnn.weights.weights_file import WEIGHTS_SUFFIXES

if TYPE_CHECKING:
    from mnistcnn.ocr.page_network import PageNetwork, Polarity

_DEFAULT_WEIGHTS = "best"
# A blank, a full and a gray image, on which a network is tested.
_TEST_IMAGES = np.array([0, 255, 128], np.uint8).repeat(IMAGE_SIZE**2).reshape(-1, 28, 28)
_ROUNDING = 1e-5


@public
class Recognizer:
    """Recognizes digits, or other classes, without Keras or TensorFlow.

    The network runs on ONNX Runtime and loads in a fraction of a second. A recognizer can be
    pickled and is thread-safe.

    Parameters
    ----------
    weights : str or path-like, optional
        ``"best"`` or ``"robust"``: pretrained weights, calibrated. Or a ``.keras``, ``.h5``,
        ``.onnx`` or ``.safetensors`` file with the weights of the baseline network, as
        `train` and `export_model` write them; nothing in a file can run. Or an ``.onnx`` file
        of another network that takes 784 pixels per image, such as ``(n, 28, 28, 1)``, and
        returns class probabilities: ONNX Runtime runs it if it consists of the operators of
        convolutional and dense networks. Default: ``"best"``.
    num_threads : int, optional
        Number of threads per call, at least 1 and at most 64 or the number of cores,
        whichever is larger: they start at once. Default: one per core.

    Attributes
    ----------
    class_names : tuple of str
        Name of each class: those in the file or, by default, ``"0"``, ``"1"`` and so on.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or `weights` is neither a known name nor a file of
        the right suffix and architecture; or if the network returns no probabilities.
    FileNotFoundError, CorruptFileError
        If the file is missing or damaged.

    Examples
    --------
    >>> from mnistcnn import Recognizer, load_data
    >>> _, (images, labels) = load_data("digits")
    >>> recognizer = Recognizer()
    >>> recognizer.predict(images[:5])
    array([5, 0, 9, 8, 7])
    """

    # Created when the first picture is read.
    _page_network: PageNetwork | None = None

    def __init__(self, weights: PathLike | None = None, *, num_threads: int | None = None) -> None:
        threads = 0
        if num_threads is not None:
            threads = check_int(
                "num_threads",
                num_threads,
                minimum=1,
                maximum=max_parallel(),
                reason="since threads without a core of their own only slow each other down",
            )
        weights = _DEFAULT_WEIGHTS if weights is None else weights
        network = _resolve_network(weights)
        self.class_names = network.class_names
        self._weights_name = str(weights)
        self._classifier = _open(weights, network, threads)

    def predict_proba(self, images: ArrayLike) -> Float32Array:
        """Return the class probabilities of each image.

        Parameters
        ----------
        images : array_like
            As `preprocess` takes them: shape ``(28, 28)``, ``(n, 28, 28)`` or either with a
            channel axis; integers in 0...255 or floats in [0, 1], light ink on a dark
            background.

        Returns
        -------
        numpy.ndarray
            ``float32 (n, 10)``: probabilities of the digits 0 to 9; of another network
            ``(n, k)``, those of the k classes in `class_names`.

        Raises
        ------
        TypeError, ValueError
            As `preprocess`.
        """
        return self._classifier.predict_proba(check_images(images))

    def predict(self, images: ArrayLike) -> Int64Array:
        """Return the most probable digit of each image, ``int64 (n,)``.

        Of other classes, the index in `class_names`.

        Parameters
        ----------
        images : array_like
            As for `predict_proba`.

        Raises
        ------
        TypeError, ValueError
            As `preprocess`.
        """
        return np.asarray(self.predict_proba(images).argmax(axis=1), np.int64)

    def predict_proba_batches(self, batches: Iterable[ArrayLike]) -> Iterator[Float32Array]:
        """Yield the class probabilities of each batch, for any number of images.

        A batch is requested when its result is, so that memory holds one batch and its result,
        for ten images as for ten billion.

        Parameters
        ----------
        batches : iterable
            Batches as `predict_proba` takes them: a generator, a ``tf.data.Dataset``, a
            ``keras.utils.PyDataset`` or any other finite iterable. Images only: of pairs with
            labels, pass the first element.

        Returns
        -------
        iterator
            For each batch of n images ``float32 (n, 10)``, in the order of the batches.

        Raises
        ------
        TypeError, ValueError
            If `batches` is not such an iterable, or infinite; and, when its result is requested,
            if `preprocess` raises for a batch.

        Examples
        --------
        >>> from mnistcnn import Recognizer, load_data
        >>> _, (images, labels) = load_data("digits")
        >>> batches = (images[i : i + 100] for i in range(0, 355, 100))
        >>> [len(batch) for batch in Recognizer().predict_proba_batches(batches)]
        [100, 100, 100, 55]
        """
        return self._predict_each(iter_batches("batches", batches))

    def predict_batches(self, batches: Iterable[ArrayLike]) -> Iterator[Int64Array]:
        """Yield the most probable digits of each batch, for any number of images.

        Parameters
        ----------
        batches : iterable
            As for `predict_proba_batches`.

        Returns
        -------
        iterator
            For each batch of n images ``int64 (n,)``, in the order of the batches.

        Raises
        ------
        TypeError, ValueError
            As `predict_proba_batches`.
        """
        return (np.asarray(p.argmax(axis=1), np.int64) for p in self.predict_proba_batches(batches))

    def read(
        self,
        picture: ImageLike,
        *,
        min_confidence: float = 0.6,
        polarity: Polarity = "auto",
        region: Region | None = None,
        pattern: Pattern | None = None,
        doubtful: str | None = None,
    ) -> Reading:
        r"""Read the handwritten digits of a scan, photo, screenshot or drawing.

        The page may have one or many digits, in lines, beside print, letters, symbols, ruled
        lines and boxes. Ink and background may be light or dark, gray or colored, the
        illumination uneven, and the page turned. Each digit is size-normalized and centered as in
        MNIST.

        Parameters
        ----------
        picture : str, path-like, bytes, file object, PIL.Image.Image or numpy.ndarray
            A path, or a data URL in base64 as of an HTML canvas; the content of a file; a file
            that is open in binary mode, such as an upload or ``io.BytesIO``; an open image; or
            pixels: shape ``(h, w)``, ``(h, w, 1)``, ``(h, w, 3)`` or ``(h, w, 4)``; booleans,
            integers in 0...255, ``uint16`` or floats in [0, 1]. At most 50 megapixels, and
            30,000 pixels a side. Files must be BMP, GIF, JPEG, PNG, PPM, TIFF or WebP images.
            Transparent pixels are white, or black if all visible ones are light.
        min_confidence : float, default 0.6
            Omit digits with a lower confidence; in [0, 1). Letters and blots have a low one.
        polarity : {"auto", "dark", "light"}, default "auto"
            ``"dark"`` reads only ink that is darker than its background, ``"light"`` only ink
            that is lighter.
        region : tuple, optional
            Left, top, right and bottom of the part to read: integers in pixels, or floats in
            [0, 1] as fractions of the width and height. Boxes refer to the whole picture.
            Default: the whole picture.
        pattern : int, str or callable, optional
            What is expected: a number of that many digits; a number that matches a regular
            expression, such as ``r"\d{5}"``; or one that a function of its digits accepts, such
            as a checksum. The result is the most probable reading that fits. It omits only
            digits with a confidence lower than `min_confidence`, and never chooses a label with a
            probability of less than 0.1 %. All lines make one number. Default: any text.
        doubtful : str, optional
            A character that marks digits with a confidence lower than `min_confidence`, such as
            ``"?"``, instead of omitting them. Without effect on a reading with a pattern.

        Returns
        -------
        Reading
            Text, digits and boxes. The text is empty if no digit is found, and fits the pattern
            if there is one.

        Raises
        ------
        TypeError, ValueError
            If the picture has another type, no pixels or too many; if an option is invalid; if
            several texts fit a pattern that differ in punctuation only; or if the classes of the
            network are not the ten digits.
        PatternMismatchError
            If no reading fits the pattern.
        FileNotFoundError
            If the file does not exist.
        CorruptFileError
            If the content is not an image, or damaged; or if the shipped weights of the page
            network are damaged.

        Notes
        -----
        A convolutional network, the page network, estimates for each pixel whether it is the ink
        of a handwritten digit, and where the digit's center is. Pixels that point to the same
        center are one digit. It is trained on synthetic pages. Each digit is classified by its
        shape and by the page network, and both estimates are combined. A logistic regression,
        fitted on synthetic pages, gives the confidence.

        The network sees the image at several scales, and upright if the text is turned; the
        scale that suits the digits is used. A picture of more than 4 megapixels is downscaled,
        and at most 2,500 digits are read, so that the run time is bounded for any image.

        A regular expression consists of digits, ``\d``, ``\.``, ``,``, ``-``, classes such as
        ``[0-3]``, groups, ``|``, ``?``, ``*``, ``+`` and ``{m,n}``, with at most 256 characters
        when each repetition is written out. Only digits are read: punctuation is inserted where
        the expression requires it. The search for the most probable reading is exact (Viterbi's
        algorithm). A function is called with the 10,000 most probable texts at most.

        Examples
        --------
        >>> import numpy as np
        >>> from mnistcnn import Recognizer, load_data
        >>> _, (images, labels) = load_data("digits")
        >>> page = 255 - np.hstack([np.pad(image, 12) for image in images[3:6]])
        >>> recognizer = Recognizer()
        >>> recognizer.read(page, pattern=r"\d\.\d\d").text
        '8.71'
        >>> recognizer.read(page, region=(0, 0, 52, 52), pattern=1).text
        '8'
        """
        # Imported here, since they import OpenCV, which prediction does not need.
        from mnistcnn.ocr.page_network import POLARITIES, PageNetwork
        from mnistcnn.ocr.pipeline import read_page

        min_confidence = check_fraction("min_confidence", min_confidence)
        polarity = check_in("polarity", polarity, POLARITIES)
        self._check_reads_digits()
        area = None if region is None else check_region(region)
        compiled = None if pattern is None else compile_pattern(pattern)
        mark = DEFAULT_MARK if doubtful is None else check_mark(doubtful)
        image = read_image(picture)
        part, offset = (image, (0, 0)) if area is None else crop_region(image, area)
        if self._page_network is None:
            self._page_network = PageNetwork(self._classifier.num_threads)
        reading = read_page(
            part,
            self._page_network,
            self._classifier.predict_proba,
            min_confidence=min_confidence,
            keep_doubtful=doubtful is not None or compiled is not None,
            polarity=polarity,
        )
        if area is not None:
            reading = move_reading(reading, offset, image)
        reading = replace(reading, doubtful_mark=mark)
        return reading if compiled is None else fit_reading(reading, compiled)

    def __repr__(self) -> str:
        return f"Recognizer({quote(self._weights_name)})"

    def _repr_html_(self) -> str:
        text = f"with the weights {quote(self._weights_name)}, on ONNX Runtime"
        return html.block(html.heading("Recognizer", text))

    def _check_reads_digits(self) -> None:
        if self.class_names != DIGIT_NAMES:
            raise ValueError(
                "read must have a network of the ten digits; received one of the "
                f"{len(self.class_names)} classes {quote_names(self.class_names)}"
            )

    def _predict_each(self, batches: Iterator[ArrayLike]) -> Iterator[Float32Array]:
        for number, batch in enumerate(batches):
            try:
                result = self.predict_proba(batch)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {number}: {error}") from None
            yield result


def _resolve_network(weights: PathLike) -> OnnxNetwork:
    if isinstance(weights, str) and weights in PRETRAINED:
        arrays = load_pretrained_weights(weights).weights(calibrated=True)
        return OnnxNetwork(to_onnx(arrays), DIGIT_NAMES)
    if not isinstance(weights, str | os.PathLike):
        raise TypeError(f"weights must be a name or a path; received {weights!r}")
    if not Path(weights).name.endswith(WEIGHTS_SUFFIXES):
        names = ", ".join(map(repr, PRETRAINED))
        suffixes = " or ".join(WEIGHTS_SUFFIXES)
        raise ValueError(
            f"weights must be {names} or a file that ends in {suffixes}; "
            f"received {quote(str(weights))}{did_you_mean(weights, PRETRAINED)}"
        )
    return read_network_file(weights, name="weights")


def _open(weights: PathLike, network: OnnxNetwork, num_threads: int) -> OnnxClassifier:
    """Open a network, and run it once to check that it returns probabilities."""
    try:
        classifier = OnnxClassifier(network.content, num_threads)
        outputs = classifier.predict_proba(_TEST_IMAGES)
    except ImportError:
        raise
    except Exception as error:  # of ONNX Runtime, which defines its own
        raise ValueError(f"{escape(weights)} must run on ONNX Runtime: {escape(error)}") from error
    if not (np.all(outputs >= -_ROUNDING) and np.all(outputs <= 1 + _ROUNDING)):  # false for NaN
        raise ValueError(
            f"{escape(weights)} must return probabilities in [0, 1]; received "
            f"{outputs.min():.3g}...{outputs.max():.3g}: end the network in a softmax"
        )
    return classifier
