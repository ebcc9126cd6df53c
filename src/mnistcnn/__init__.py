"""The well-known Keras MNIST CNN as small, typed, composable functions.

``__init__.pyi`` lists the public names in the order of a typical workflow. Each is imported on
first use, so ``import mnistcnn`` alone is fast.
"""

import sys as _sys

__version__ = "0.1.0.dev0"

try:
    import lazy_loader as _lazy

    __getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
except KeyboardInterrupt:
    # The command, started by its name or by ``python -m``, ends without a traceback.
    if _sys.argv[:1] == ["-m"] or "".join(_sys.argv[:1]).endswith(("mnistcnn", "mnistcnn.exe")):
        raise SystemExit(130) from None
    raise
