"""Workarounds for defects of other libraries, each with the version that makes it unnecessary.

Delete an entry once the lowest supported version of its library has the fix.
"""

from __future__ import annotations

import re

# TensorFlow logs while its libraries load, before TF_CPP_MIN_LOG_LEVEL takes effect (tensorflow
# issue 100442). No fix as of TensorFlow 2.21.
TENSORFLOW_STARTUP_LOG = re.compile(
    rb"[IWE]\d{4} \d\d:|\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl|"
    rb"To enable the following instructions:"
)

# libtiff writes warnings and errors to standard error, each after the name of a function; Pillow
# raises an exception for errors in addition and has no way to disable the messages. No fix as of
# Pillow 13.0 with libtiff 4.7.
LIBTIFF_MESSAGES = re.compile(
    rb"(tempfile\.tif|MissingRequired|EstimateStripByteCounts|ChopUp\w+|Fetch\w+|setByteArray"
    rb"|\w*TIFF\w*|(O?JPEG|Fax|ZIP|LZW|LZMA|ZSTD|WebP|LERC|PackBits|Predictor|LogL|PixarLog"
    rb"|Thunder|NeXT|DumpMode|JBIG|horizontal|fp)\w*): "
)
