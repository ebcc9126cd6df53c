"""Libraries that an installation may lack.

The distribution ``mnistcnn-slim`` contains the same modules as ``mnistcnn``, but does not install
the libraries for training, plots and reports. What needs one of them raises an error of one
sentence, which names the install command.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

# The libraries that mnistcnn installs and mnistcnn-slim does not, by the name of their module.
_LIBRARIES = {
    "jinja2": "Jinja",
    "keras": "Keras and TensorFlow",
    "matplotlib": "Matplotlib",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
    "tensorflow": "Keras and TensorFlow",
}
_DISTRIBUTIONS = ("mnistcnn", "mnistcnn-slim")


class MissingLibraryError(ModuleNotFoundError):
    """A library is not installed; the message is one sentence that names the install command."""


def is_installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return find_spec(module) is not None


def require(what: str, module: str) -> None:
    """Raise `MissingLibraryError` unless a library of the complete distribution is installed."""
    if not is_installed(module):
        raise _missing(what, module)


def explain(what: str, error: ModuleNotFoundError) -> MissingLibraryError | None:
    """Return the error that names what needs a library, and how to install it.

    Returns ``None`` if the missing module is not of a library that ``mnistcnn`` installs.
    """
    if isinstance(error, MissingLibraryError):
        return error
    module = (error.name or "").partition(".")[0]
    return _missing(what, module) if module in _LIBRARIES else None


def _missing(what: str, module: str) -> MissingLibraryError:
    return MissingLibraryError(
        f"{what} needs {_LIBRARIES[module]}: pip install mnistcnn", name=module
    )


def installed_distributions() -> list[str]:
    """Return which of ``mnistcnn`` and ``mnistcnn-slim`` are installed."""
    found = []
    for name in _DISTRIBUTIONS:
        try:
            version(name)
        except PackageNotFoundError:
            continue
        found.append(name)
    return found


def with_extra(extra: str) -> str:
    """Return the requirement that adds an extra to the installed distribution."""
    name = "mnistcnn-slim" if installed_distributions() == ["mnistcnn-slim"] else "mnistcnn"
    return f"{name}[{extra}]"
