"""The well-known Keras MNIST CNN as small, typed, composable functions.

``__init__.pyi`` lists the public names in the order of a typical workflow. Each is imported on
first use, so ``import mnistcnn`` alone is fast.
"""

import sys as _sys

from mnistcnn.utils.installation import check_single_version as _check_single_version

__version__ = "0.1.0"

_check_single_version(__path__[0])

try:
    import lazy_loader as _lazy

    _import_lazily, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
except KeyboardInterrupt:
    # The command, started by its name or by ``python -m``, ends without a traceback.
    if _sys.argv[:1] == ["-m"] or "".join(_sys.argv[:1]).endswith(("mnistcnn", "mnistcnn.exe")):
        raise SystemExit(130) from None
    raise


def __getattr__(name: str) -> object:
    """Import a public name on first use; name the library that an installation lacks for it."""
    try:
        return _import_lazily(name)
    except ModuleNotFoundError as error:
        from mnistcnn.utils.requirements import explain

        missing = explain(name, error)
        if missing is None:
            raise
        raise missing from None
