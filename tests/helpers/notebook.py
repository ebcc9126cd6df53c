"""Notebooks that tests execute in a kernel of their own, and a process that looks like one."""

import os
import sys
import warnings
from types import SimpleNamespace

import pytest


def execute(sources, folder, *, timeout=300):
    """Execute cells in one fresh kernel; return the outputs of each cell.

    Parameters
    ----------
    sources : sequence of str
        The code of the cells. An error does not stop the notebook.
    folder : pathlib.Path
        The current folder of the kernel.
    """
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    execute_notebook(notebook, folder, timeout=timeout, allow_errors=True)
    return [cell.outputs for cell in notebook.cells]


def execute_notebook(notebook, folder, *, timeout=300, allow_errors=False):
    """Execute a notebook in place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Jupyter's packages
        from nbclient import NotebookClient

        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            allow_errors=allow_errors,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env={**os.environ, "COLUMNS": "80"})


@pytest.fixture
def fake_kernel(monkeypatch):
    """Make this process look like the kernel of a notebook; return the states of each output."""
    outputs = []

    class DisplayHandle:
        def display(self, data, *, raw):
            self.states = [data]
            outputs.append(self.states)

        def update(self, data, *, raw):
            self.states.append(data)

    shell = SimpleNamespace(kernel=object())
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(
        sys.modules, "IPython.display", SimpleNamespace(DisplayHandle=DisplayHandle)
    )
    return outputs
