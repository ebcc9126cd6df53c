"""Loading of data sets: known ones by name, your own from a file or folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mnistcnn.data.catalog import NAMED_DATASETS
from mnistcnn.data.files import read_dataset
from mnistcnn.data.named import default_cache_dir, exists, load_named_dataset
from mnistcnn.data.sklearn_digits import load_sklearn_digits
from mnistcnn.errors import DataUnavailableError
from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.public import public
from mnistcnn.types import Dataset, PathLike
from mnistcnn.utils.stderr import is_terminal
from mnistcnn.utils.text import did_you_mean, quote
from mnistcnn.utils.validation import check_bool, check_float, check_in, check_path, check_seed


@public
def load_data(
    source: PathLike = "mnist",
    *,
    test: PathLike | None = None,
    test_size: float | None = None,
    seed: int | None = 0,
    transpose: bool | None = None,
    cache_dir: PathLike | None = None,
    verbose: Literal["auto", 0, 1] = "auto",
) -> Dataset:
    """Load a data set of handwritten digits, or of other images, as raw pixels and labels.

    Arrays are neither scaled nor shuffled, and no data set is ever substituted for another.

    Parameters
    ----------
    source : str or path-like, default "mnist"
        ``"mnist"``
            The 60,000 training and 10,000 test images of MNIST: from the file or folder
            that the environment variable ``MNISTCNN_DATA`` names, if it is set; else from
            the cache; else downloaded to the cache from the first of three mirrors that
            works. The pixels and labels are verified in each case.
        ``"digits"``
            scikit-learn's 1,797 handwritten digits in the format of MNIST, split into
            1,442 training and 355 test images. Works offline.
        ``"fashion_mnist"``, ``"kmnist"``, ``"emnist-digits"``, ``"emnist-letters"``, \
``"emnist-balanced"``, ``"qmnist"``, ``"usps"``
            Relatives of MNIST, from the cache or downloaded to it and verified by the
            checksums of their files.
        a path
            Your own data, recognized by content: an ``.npz`` archive, a CSV file, IDX
            files, a folder or zip archive of these, or a folder of pictures for each class.
            Only shapes and ranges are checked.
    test : path-like, optional
        The test set, if `source` is the path of a training set.
    test_size : float, optional
        Fraction in (0, 1] of the images of each class to use as test set, if `source` holds
        one set of images. With 1, all images are for testing.
    seed : int or None, default 0
        Seed of the random selection of `test_size`, and of the order of pictures, which have
        none in a folder. The default gives the same result in each call; None draws afresh.
    transpose : bool, optional
        Whether to exchange rows and columns of the images in a file. Default: only for
        files with the names of EMNIST, whose images are stored that way.
    cache_dir : path-like, optional
        Folder of the download, in which no other file is replaced. Default: the platform's
        cache folder of the user, which ``mnistcnn info`` shows.
    verbose : {"auto", 0, 1}, default "auto"
        Whether downloading, and reading of pictures, shows a progress bar on standard error.
        ``"auto"``: only if that is a terminal.

    Returns
    -------
    Dataset
        ``(x_train, y_train), (x_test, y_test)``: images ``uint8`` of shape
        ``(n, 28, 28)``, 0 for the background and 255 for full ink; labels ``uint8`` of shape
        ``(n,)``. Its attribute ``class_names`` holds the name of each label.

    Raises
    ------
    DataUnavailableError
        If the data set is not available. The message lists the error of each source.
    CorruptFileError
        If a file is damaged, is not a regular file, or is not the data set it must be.
    TypeError, ValueError
        If an argument has the wrong type or value, if a path holds several data sets, or
        if it is not clear which images are for testing.

    Notes
    -----
    The guide "Load your own data" describes the formats of files, and the reference page
    of this function the named data sets with their licenses and publications.

    Labels are ``0...num_classes - 1``. The 26 classes of EMNIST Letters are 1 to 26 in its
    files and become 0 (A) to 25 (Z).

    Examples
    --------
    >>> from mnistcnn import load_data
    >>> (x_train, y_train), (x_test, y_test) = load_data("digits")
    >>> x_train.shape, x_train.dtype, y_test.shape
    ((1442, 28, 28), dtype('uint8'), (355,))
    """
    verbosity = check_in("verbose", verbose, ("auto", 0, 1))
    is_verbose = (is_terminal() or in_notebook()) if verbosity == "auto" else bool(verbosity)
    if not (isinstance(source, str) and (source == "digits" or source in NAMED_DATASETS)):
        return read_dataset(
            _existing_path("source", source),
            test=None if test is None else _existing_path("test", test),
            test_size=_check_test_size(test_size),
            seed=check_seed(seed),
            transpose=None if transpose is None else check_bool("transpose", transpose),
            verbose=is_verbose,
        )
    for name, value in (("test", test), ("test_size", test_size), ("transpose", transpose)):
        if value is not None:
            raise ValueError(
                f"{name} must be None unless source is a path; received {quote(value)}"
            )
    if source == "digits":
        return load_sklearn_digits()
    return load_named_dataset(
        source,
        default_cache_dir() if cache_dir is None else check_path("cache_dir", cache_dir),
        # All files in the default folder are ours, but the user's folder may hold others.
        replace=cache_dir is None,
        verbose=is_verbose,
    )


def _check_test_size(value: float | None) -> float | None:
    if value is None:
        return None
    number = check_float("test_size", value)
    if not 0 < number <= 1:
        raise ValueError(f"test_size must lie in (0, 1]; received {quote(value)}")
    return number


def _existing_path(name: str, source: PathLike) -> Path:
    path = check_path(name, source)
    if not exists(path):
        names = ", ".join(f'"{known}"' for known in ("digits", *NAMED_DATASETS))
        known = f"{names} or " if name == "source" else ""
        hint = did_you_mean(source, ("digits", *NAMED_DATASETS)) if name == "source" else ""
        raise DataUnavailableError(
            f"{name} must be {known}the path of an existing file or folder; "
            f"received {quote(str(source))}{hint}"
        )
    return path
