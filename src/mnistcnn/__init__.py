"""The well-known Keras MNIST CNN as small, typed, composable functions.

``__init__.pyi`` lists the public names in the order of a typical workflow. Each is imported on
first use, so ``import mnistcnn`` alone is fast.
"""

import lazy_loader as _lazy

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
