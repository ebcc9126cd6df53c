"""The role behind `single backticks` in docstrings.

NumPy's style uses them for names of all kinds. A public name of the package becomes a
link, and anything else, such as the name of a parameter, is set in italics.
"""

from typing import Any

from docutils import nodes
from sphinx.domains.python import PyXRefRole
from sphinx.util.docutils import SphinxRole

import mnistcnn

PUBLIC = {name: f"mnistcnn.{name}" for name in mnistcnn.__all__}


class Name(SphinxRole):
    """A link to a public name, else emphasis."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the one node."""
        target = PUBLIC.get(self.text)
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
