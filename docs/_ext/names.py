"""The default role, for `single backticks` in docstrings.

NumPy-style docstrings use them for all kinds of names. A public name of the package becomes a
link; other names, such as those of parameters, are emphasized.
"""

from typing import Any

from docutils import nodes
from sphinx.domains.python import PyXRefRole
from sphinx.util.docutils import SphinxRole

import mnistcnn

_TARGETS = {name: f"mnistcnn.{name}" for name in mnistcnn.__all__}


class Name(SphinxRole):
    """Link to a public name, or emphasize another name."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a single node and no messages."""
        target = _TARGETS.get(self.text)
        if target is None:
            return [nodes.emphasis(self.rawtext, self.text)], []
        text = f"{self.text} <{target}>"
        return PyXRefRole()(
            "py:obj", self.rawtext, text, self.lineno, self.inliner, self.options, self.content
        )


def setup(app: Any) -> dict[str, bool]:
    """Register the role."""
    app.add_role("name", Name())
    return {"parallel_read_safe": True}
