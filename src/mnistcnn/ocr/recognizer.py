"""Digit recognition without Keras or TensorFlow: the network runs on ONNX Runtime."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.data.batches import iter_batches
from mnistcnn.data.digit_image import look_dark_on_light
from mnistcnn.images.documents import check_page, load_page, open_document
from mnistcnn.images.image_formats.tiff import MAX_PAGES
from mnistcnn.images.image_io import ImageLike, LoadedImage
from mnistcnn.notebook import html
from mnistcnn.ocr.fitted_reading import fit_reading
from mnistcnn.ocr.pattern_matching import Pattern, compile_pattern
from mnistcnn.ocr.regions import Region, check_region, crop_region, move_reading
from mnistcnn.ocr.results import (
    DEFAULT_MARK,
    DEFAULT_MIN_CONFIDENCE,
    Reading,
    check_mark,
    check_signs,
)
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
    from mnistcnn.ocr.page_network import Polarity
    from mnistcnn.ocr.pipeline import Models

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
    _models: Models | None = None
    _has_warned = False

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

        Warns
        -----
        UserWarning
            If the images look dark on light; once for each recognizer.
        """
        return self._predict_proba(images, stacklevel=3)

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

        Warns
        -----
        UserWarning
            As `predict_proba`.
        """
        probabilities = self._predict_proba(images, stacklevel=3)
        return np.asarray(probabilities.argmax(axis=1), np.int64)

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
        return self._predict_each(iter_batches("batches", batches), stacklevel=3)

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
        probabilities = self._predict_each(iter_batches("batches", batches), stacklevel=4)
        return (np.asarray(p.argmax(axis=1), np.int64) for p in probabilities)

    def read(
        self,
        picture: ImageLike,
        *,
        page: int | None = None,
        min_confidence: float = DEFAULT_MIN_CONFIDENCE,
        polarity: Polarity = "auto",
        region: Region | None = None,
        pattern: Pattern | None = None,
        doubtful: str | None = None,
        signs: str | None = None,
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
            30,000 pixels a side. Files must be BMP, GIF, JPEG, PNG, PPM, TIFF or WebP images;
            with the extra ``pdf``, PDF documents, whose pages are rendered at 200 pixels per
            inch; or, with the extra ``heif``, HEIC images. Transparent pixels are white, or black
            if all visible ones are light. Of an animation, the first frame is read, and of an
            open image the current one.
        page : int, optional
            Number of the page to read, from 1, in a TIFF file or PDF document. Default: the only
            page; a file of several pages raises an error.
        min_confidence : float, default 0.4
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
        signs : str, optional
            The signs to read beside the digits: ``"."``, ``","``, ``"-"`` or several of them, such
            as ``".-"``. With only one of point and comma, both shapes are read as it. The text
            contains the signs, and `Reading.signs` their boxes and confidences. With a pattern,
            the text has the signs that were found if it fits with them. Default: none.

        Returns
        -------
        Reading
            Text, digits and boxes. The text is empty if no digit is found, and fits the pattern
            if there is one.

        Raises
        ------
        TypeError, ValueError
            If the picture has another type, no pixels or too many, or several pages and `page` is
            not given; if an option is invalid; if several texts fit a pattern that differ in
            punctuation only, and no sign decides; or if the classes of the network are not the
            ten digits.
        PatternMismatchError
            If no reading fits the pattern.
        FileNotFoundError
            If the file does not exist.
        CorruptFileError
            If the content is not an image, or damaged; or if the shipped weights of the page
            network, or of the one that detects non-digits, are damaged.
        ModuleNotFoundError
            If the extra for PDF or HEIC files is not installed.

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
        when each repetition is written out. Without `signs`, only digits are read: punctuation is
        inserted where the expression requires it. The search for the most probable reading is
        exact (Viterbi's algorithm). A function is called with the 10,000 most probable texts at
        most; with `signs`, they contain the signs that were found.

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
        options = self._check_options(
            min_confidence=min_confidence,
            polarity=polarity,
            region=region,
            pattern=pattern,
            doubtful=doubtful,
            signs=signs,
        )
        return self._read_image(load_page(picture, page), options)

    def read_pages(
        self,
        picture: ImageLike,
        *,
        pages: Iterable[int] | None = None,
        min_confidence: float = DEFAULT_MIN_CONFIDENCE,
        polarity: Polarity = "auto",
        region: Region | None = None,
        pattern: Pattern | None = None,
        doubtful: str | None = None,
        signs: str | None = None,
    ) -> Iterator[Reading]:
        r"""Read the handwritten digits of each page of a TIFF file or PDF document.

        A page is decoded when its reading is requested, so that memory holds one page of a
        document of any length.

        Parameters
        ----------
        picture : str, path-like, bytes, file object, PIL.Image.Image or numpy.ndarray
            As for `read`. An image of another format has one page.
        pages : iterable of int, optional
            Numbers of the pages to read, from 1, in any order. Default: all, at most 10,000.
        min_confidence, polarity, region, pattern, doubtful, signs
            As for `read`, for each page.

        Returns
        -------
        iterator of Reading
            A reading for each page, with its number as `Reading.page`.

        Raises
        ------
        TypeError, ValueError
            If an option is invalid, or there is no such page; and as `read`, when the reading is
            requested.
        FileNotFoundError, CorruptFileError, ModuleNotFoundError, PatternMismatchError
            As `read`, when the reading is requested. The iterator then ends; to continue with
            the other pages, call `read` with each `page`.

        Examples
        --------
        >>> import io
        >>> import numpy as np
        >>> from PIL import Image
        >>> from mnistcnn import Recognizer, load_data
        >>> _, (images, labels) = load_data("digits")
        >>> pages = [Image.fromarray(255 - np.pad(image, 12)) for image in images[3:6]]
        >>> file = io.BytesIO()
        >>> pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
        >>> [reading.text for reading in Recognizer().read_pages(file)]
        ['8', '7', '1']
        """
        options = self._check_options(
            min_confidence=min_confidence,
            polarity=polarity,
            region=region,
            pattern=pattern,
            doubtful=doubtful,
            signs=signs,
        )
        numbers = None if pages is None else _check_pages(pages)
        return self._read_document(picture, numbers, options)

    def _check_options(
        self,
        *,
        min_confidence: float,
        polarity: Polarity,
        region: Region | None,
        pattern: Pattern | None,
        doubtful: str | None,
        signs: str | None,
    ) -> _ReadingOptions:
        self._check_reads_digits()
        return _ReadingOptions(
            min_confidence=min_confidence,
            polarity=polarity,
            region=region,
            pattern=pattern,
            doubtful=doubtful,
            signs=signs,
        )

    def _read_document(
        self, picture: ImageLike, pages: Sequence[int] | None, options: _ReadingOptions
    ) -> Iterator[Reading]:
        with open_document(picture) as document:
            num_pages = document.num_pages
            for page in range(1, num_pages + 1) if pages is None else pages:
                check_page(page, num_pages)
                yield self._read_image(replace(document.read(page), page=page), options)

    def _read_image(self, image: LoadedImage, options: _ReadingOptions) -> Reading:
        # Imported here, since they import OpenCV, which prediction does not need.
        from mnistcnn.ocr.classification import NonDigitRejector
        from mnistcnn.ocr.page_network import PageNetwork
        from mnistcnn.ocr.pipeline import Models, read_page
        from mnistcnn.weights.pretrained import load_confidence_weights

        region, pattern = options.region, options.pattern
        part, offset = (image, (0, 0)) if region is None else crop_region(image, region)
        if self._models is None:
            self._models = Models(
                PageNetwork(self._classifier.num_threads),
                self._classifier.predict_proba,
                NonDigitRejector(self._classifier.num_threads),
                load_confidence_weights(),
            )
        reading = read_page(
            part,
            self._models,
            min_confidence=options.min_confidence,
            keep_doubtful=options.keep_doubtful or pattern is not None,
            polarity=options.polarity,
        )
        if options.signs is not None:
            from mnistcnn.ocr.signs import add_signs

            reading = add_signs(reading, part, options.signs, options.polarity)
        if region is not None:
            reading = move_reading(reading, offset, image)
        reading = replace(reading, page=image.page, doubtful_mark=options.mark)
        if pattern is None:
            return reading
        return fit_reading(reading, pattern, has_signs=options.signs is not None)

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

    def _predict_proba(self, images: ArrayLike, *, stacklevel: int) -> Float32Array:
        array = check_images(images)
        is_checked = self._has_warned or self.class_names != DIGIT_NAMES
        if not is_checked and look_dark_on_light(array):
            self._has_warned = True
            warnings.warn(
                "images must have light ink on a dark background, as in MNIST; these look dark on "
                "light: pass 255 - images (1 - images if they are floats), or read them with "
                "Recognizer.read, which accepts both",
                stacklevel=stacklevel,
            )
        return self._classifier.predict_proba(array)

    def _predict_each(
        self, batches: Iterator[ArrayLike], *, stacklevel: int
    ) -> Iterator[Float32Array]:
        for number, batch in enumerate(batches):
            try:
                result = self._predict_proba(batch, stacklevel=stacklevel)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {number}: {error}") from None
            yield result


class _ReadingOptions:
    """The options of `Recognizer.read`, checked."""

    def __init__(
        self,
        *,
        min_confidence: float,
        polarity: Polarity,
        region: Region | None,
        pattern: Pattern | None,
        doubtful: str | None,
        signs: str | None,
    ) -> None:
        # Imported here, since it imports OpenCV, which prediction does not need.
        from mnistcnn.ocr.page_network import POLARITIES

        self.min_confidence = check_fraction("min_confidence", min_confidence)
        self.polarity = check_in("polarity", polarity, POLARITIES)
        self.region = None if region is None else check_region(region)
        self.pattern = None if pattern is None else compile_pattern(pattern)
        self.mark = DEFAULT_MARK if doubtful is None else check_mark(doubtful)
        self.keep_doubtful = doubtful is not None
        self.signs = None if signs is None else check_signs(signs)


def _check_pages(pages: Iterable[int]) -> list[int]:
    """Return the numbers of pages, each of which may be read once."""
    rule = "pages must be numbers of pages, such as range(1, 4)"
    if isinstance(pages, str | bytes) or not isinstance(pages, Iterable):
        raise TypeError(f"{rule}; received {quote(pages)}")
    numbers = [
        check_int("a number in pages", page, minimum=1) for page in islice(pages, MAX_PAGES + 1)
    ]
    if len(numbers) > MAX_PAGES:
        raise ValueError(f"pages must be at most {MAX_PAGES:,} numbers; received more")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"pages must be different numbers; received {quote(numbers)}")
    return numbers


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
