"""Check that the search of the built pages finds what readers look for.

`TERMS` maps each query to a page that must be among its results. The check works as
``searchtools.js`` does: it splits the query into words, stems them, and intersects their pages.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError
from sphinx.search.en import SearchEnglish

TERMS = {
    "fine-tune": "howto/pretrained-weights",
    "transfer learning": "howto/training",
    "reproducibility": "howto/reproducibility",
    "misclassified": "howto/misclassified-images",
    "threshold": "howto/read-forms",
    "quantization": "howto/export",
    "hyperparameter": "howto/experiment-tracking",
    "OCR": "howto/reading",
    "Grad-CAM": "howto/misclassified-images",
    "cross-validation": "howto/scikit-learn",
    "GPU": "howto/training",
    "Colab": "howto/notebooks",
}


def read_index(path: Path) -> dict[str, Any]:
    """Read a ``searchindex.js``."""
    text = path.read_text(encoding="utf-8")
    return dict(json.loads(text[text.index("(") + 1 : text.rindex(")")]))


def find_pages(query: str, index: dict[str, Any], stem: Callable[[str], str]) -> set[str]:
    """Return the pages that contain all words of a query, in their text or their titles."""
    matches = []
    for word in re.findall(r"\w+", query.lower()):
        numbers: set[int] = set()
        for table in ("terms", "titleterms"):
            found = index[table].get(stem(word), [])  # a number if there is only one page
            numbers.update([found] if isinstance(found, int) else found)
        matches.append({index["docnames"][number] for number in numbers})
    return set.intersection(*matches)


def _check_terms(app: Any, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    index = read_index(Path(app.outdir) / "searchindex.js")
    stem = SearchEnglish({}).stem
    for query, page in TERMS.items():
        found = find_pages(query, index, stem)
        if page not in found:
            raise ExtensionError(
                f"a search for {query!r} must find {page}; it finds {sorted(found) or 'nothing'}"
            )


def setup(app: Any) -> dict[str, bool]:
    """Check the index after the build."""
    app.connect("build-finished", _check_terms)
    return {"parallel_read_safe": True}
