"""The example programs with other settings."""

import re
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def example_with(name, **constants):
    """Return the code of a program with other values of its constants."""
    code = (EXAMPLES / name).read_text()
    for constant, value in constants.items():
        code, count = re.subn(
            rf"^{constant} = .*$", f"{constant} = {value}", code, flags=re.MULTILINE
        )
        assert count == 1, constant
    return code
