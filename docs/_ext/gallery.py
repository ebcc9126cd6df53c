"""Settings with which sphinx-gallery runs the programs in ``examples/``."""

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

Short example programs with their output, run when this documentation was built. Download one,
change it and run it.
"""


def copy_examples(folder: Path) -> str:
    """Copy the programs, which write files to their folder; return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for program in EXAMPLES.glob("*.py"):
        shutil.copy2(program, folder)
    (folder / "README.rst").write_text(HEADER, encoding="utf-8")
    return str(folder)


def sort_key(name: str) -> int:
    """Return the position of a program in the table of ``examples/README.md``."""
    listed = re.findall(r"^\| `(\w+\.py)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    return listed.index(Path(name).name)


def scrape_figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save each new figure in the variables of a program, also those unknown to pyplot."""
    from sphinx_gallery.scrapers import figure_rst

    saved = block_vars.setdefault("saved_figures", [])
    rst = ""
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and not any(value is figure for figure in saved):
            saved.append(value)
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=120, metadata={"Software": None})
            rst += figure_rst([path], gallery_conf["src_dir"], _alt_text(value))
    plt.close("all")
    return rst


def _alt_text(figure: Figure) -> str:
    axes = [ax for part in (figure, *figure.subfigs) for ax in part.axes]
    curves = [f"{ax.get_ylabel()} over {ax.get_xlabel()}" for ax in axes if ax.get_xlabel()]
    titles = [ax.get_title() for ax in axes if ax.get_title()]
    return "; ".join(curves or titles)
