"""Whether this process is the kernel of a notebook, and its rich output."""

from __future__ import annotations

import sys
from typing import Any


def in_notebook() -> bool:
    """Return whether this process is the kernel of JupyterLab, VS Code, Colab or the like.

    IPython is not imported: in a notebook, it is already. In a terminal, its shell has no kernel.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


def display(html: str, text: str, *, handle: Any = None) -> Any:
    """Show an output of a cell, or replace the one of `handle`; return its handle.

    Parameters
    ----------
    html : str
        What a notebook shows.
    text : str
        What a console without HTML shows.
    handle : object, optional
        What an earlier call returned.
    """
    from IPython.display import DisplayHandle  # installed wherever there is a kernel

    data = {"text/plain": text, "text/html": html}
    if handle is not None:
        handle.update(data, raw=True)
        return handle
    handle = DisplayHandle()  # type: ignore[no-untyped-call]
    handle.display(data, raw=True)
    return handle
