"""The gallery: what sphinx-gallery has to be told to run ``examples/`` as it should be run."""

import re
import shutil
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

EXAMPLES = Path(__file__).parents[2] / "examples"
HEADER = """\
Gallery
=======

Small programs and what they draw. Each was run when these pages were built; take one, change it,
and see what happens.
"""
# Without these the one program would look for MNIST, and train on it for minutes, and the other
# would begin a cluster.
ARGUMENTS = {
    "baseline_pipeline.py": ["--data", "digits", "--epochs", "12", "--quiet"],
    "batch_inference.py": ["--images", "20000", "--actors", "0"],
}


def copied(folder: Path) -> str:
    """Copy the programs, so that what they write lies beside the copy; return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for program in EXAMPLES.glob("*.py"):
        shutil.copy2(program, folder)
    (folder / "README.rst").write_text(HEADER, encoding="utf-8")
    return str(folder)


def place(name: str) -> int:
    """Return the place of a program in the list that ``examples/README.md`` gives."""
    listed = re.findall(r"^\| `(\w+\.py)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    return listed.index(Path(name).name)


def arguments(settings: dict[str, Any], program: dict[str, Any]) -> list[str]:
    """Return the arguments that a program is run with."""
    return ARGUMENTS.get(Path(program["src_file"]).name, [])


def figures(block: Any, variables: dict[str, Any], settings: dict[str, Any]) -> str:
    """Show each figure that a block of a program made, whether pyplot knows it or not."""
    from sphinx_gallery.scrapers import figure_rst

    shown = variables.setdefault("shown_figures", [])
    rest = ""
    for value in variables["example_globals"].values():
        if isinstance(value, Figure) and not any(value is one for one in shown):
            shown.append(value)
            path = next(variables["image_path_iterator"])
            value.savefig(path, dpi=120, metadata={"Software": None})
            rest += figure_rst([path], settings["src_dir"], _told(value))
    plt.close("all")
    return rest


def _told(figure: Figure) -> str:
    """Say what a figure shows, for who can't see it."""
    axes = [one for part in (figure, *figure.subfigs) for one in part.axes]
    curves = [f"{one.get_ylabel()} over {one.get_xlabel()}" for one in axes if one.get_xlabel()]
    titles = [one.get_title() for one in axes if one.get_title()]
    return "; ".join(curves or titles)
