"""The documented MNIST convolutional network as small, typed, composable functions.

The public names are listed, in the order of the work, in ``__init__.pyi``; each is
imported when it is first used, so ``import mnistcnn`` itself loads nothing heavy.
"""

import lazy_loader as _lazy

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
