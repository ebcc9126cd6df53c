"""Loading of data sets: from the cache, a mirror, a path or scikit-learn."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

from mnistcnn.data import download
from mnistcnn.data.file_formats import IDX_NAMES, encode_idx, read_idx_folder, read_npz
from mnistcnn.data.sklearn_digits import load_sklearn_digits
from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.public import public
from mnistcnn.types import Dataset, PathLike
from mnistcnn.utils.stderr import is_terminal
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import check_in, check_path

DATA_VARIABLE = "MNISTCNN_DATA"
# md5 of the four uncompressed IDX files, which identify MNIST in any archive format.
_MNIST_MD5 = dict(
    zip(
        IDX_NAMES,
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
        strict=True,
    )
)


@public
def load_data(
    source: PathLike = "mnist",
    *,
    cache_dir: PathLike | None = None,
    verbose: Literal["auto", 0, 1] = "auto",
) -> Dataset:
    """Load a data set of handwritten digits as raw pixels and labels.

    Nothing is scaled or shuffled, and no data set is ever substituted for another.

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
        a path
            An ``.npz`` file with Keras' four arrays (``x_train``, ``y_train``,
            ``x_test``, ``y_test``), or a folder with the four IDX files of MNIST, each
            plain or gzipped. Only shapes and ranges are checked.
    cache_dir : path-like, optional
        Folder of the download, in which no other file is replaced. Default: the platform's
        cache folder of the user, which ``mnistcnn info`` shows.
    verbose : {"auto", 0, 1}, default "auto"
        Whether a download shows a progress bar on standard error. ``"auto"``: only if that
        is a terminal.

    Returns
    -------
    Dataset
        ``(x_train, y_train), (x_test, y_test)``: images ``uint8`` of shape
        ``(n, 28, 28)``, 0 for the background and 255 for full ink; labels ``uint8`` of shape
        ``(n,)``.

    Raises
    ------
    DataUnavailableError
        If the data set is not available. The message lists the error of each source.
    CorruptFileError
        If a file is damaged, is not a regular file, or is not MNIST where it must be.

    Notes
    -----
    MNIST is by Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten
    digits"; Keras gives its license as Creative Commons Attribution-Share Alike 3.0.

    Examples
    --------
    >>> from mnistcnn import load_data
    >>> (x_train, y_train), (x_test, y_test) = load_data("digits")
    >>> x_train.shape, x_train.dtype, y_test.shape
    ((1442, 28, 28), dtype('uint8'), (355,))
    """
    verbosity = check_in("verbose", verbose, ("auto", 0, 1))
    if source == "digits":
        return load_sklearn_digits()
    if source != "mnist":
        return _read(_existing_path(source))
    return _load_mnist(
        None if cache_dir is None else check_path("cache_dir", cache_dir),
        verbose=is_terminal() if verbosity == "auto" else bool(verbosity),
    )


def default_cache_dir() -> Path | None:
    """Return the default folder of the download, or ``None`` for a user without a home folder."""
    import platformdirs

    try:
        path = platformdirs.user_cache_path("mnistcnn", appauthor=False)
    except RuntimeError:  # a user without a home folder
        return None
    # Older versions of platformdirs return a path that begins with ~ in this case.
    return path if path.is_absolute() else None


def is_cached() -> bool:
    """Return whether this machine seems to have MNIST, so that no download is necessary."""
    cache = default_cache_dir()
    return bool(os.environ.get(DATA_VARIABLE)) or any(
        (cache / name).exists()
        for name in ("mnist.npz", f"{IDX_NAMES[0]}.gz", IDX_NAMES[0])
        if cache is not None
    )


def _load_mnist(user_dir: Path | None, *, verbose: bool) -> Dataset:
    value = os.environ.get(DATA_VARIABLE)
    if value:
        if not _exists(Path(value)):
            raise DataUnavailableError(
                f"{DATA_VARIABLE} must name an existing file or folder; received {quote(value)}"
            )
        return _check_md5(_read(Path(value)), value)
    cache_dir = default_cache_dir() if user_dir is None else user_dir
    if cache_dir is None:
        raise DataUnavailableError(
            "MNIST is unavailable (there is no home folder for the cache); set HOME or "
            f"XDG_CACHE_HOME, pass cache_dir, or set {DATA_VARIABLE} to a file or folder that "
            "holds MNIST"
        )
    cached = _cached(cache_dir)
    if cached is not None:
        return cached
    try:
        with download.cache_lock(cache_dir):
            # Another process may have downloaded it in the meantime. All files in the default
            # folder are ours, but the user's folder may hold others.
            return _cached(cache_dir) or _check_md5(
                _read(download.fetch(cache_dir, replace=user_dir is None, verbose=verbose)),
                cache_dir,
            )
    except DataUnavailableError as error:
        raise DataUnavailableError(
            f"MNIST is unavailable (not cached; download failed):\n{error}\n"
            f"Put mnist.npz or the four IDX files into {escape(cache_dir)}, "
            f"or set {DATA_VARIABLE} to a file or folder that holds them, "
            'or use the small data set that works offline: load_data("digits").'
        ) from error


def _cached(folder: Path) -> Dataset | None:
    """Return MNIST from the cache, or None if it is absent or damaged."""
    for path in (folder / "mnist.npz", folder):
        try:
            return _check_md5(_read(path), path)
        except (OSError, CorruptFileError):
            continue
    return None


def _existing_path(source: PathLike) -> Path:
    path = check_path("source", source)
    if not _exists(path):
        raise DataUnavailableError(
            'source must be "mnist", "digits" or the path of an existing .npz file or folder; '
            f"received {quote(str(source))}"
        )
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the name is too long for a file
        return False


def _read(path: Path) -> Dataset:
    return read_idx_folder(path) if path.is_dir() else read_npz(path)


def _check_md5(dataset: Dataset, source: object) -> Dataset:
    arrays = (array for split in dataset for array in split)
    for (name, expected), array in zip(_MNIST_MD5.items(), arrays, strict=True):
        md5 = hashlib.md5(encode_idx(array), usedforsecurity=False).hexdigest()
        if md5 != expected:
            raise CorruptFileError(
                f"{source} must hold MNIST; the md5 of its {name} is {md5} instead of {expected}"
            )
    return dataset
