"""The reference page lists each named data set with its license and publication."""

import pathlib

from mnistcnn.data.catalog import NAMED_DATASETS

PAGE = pathlib.Path(__file__).parents[2] / "docs/reference/data.md"


def test_the_table_is_that_of_the_catalog():
    rows = {}
    license_text = publication = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith('| `"'):
            name, images, classes, *cells = (cell.strip() for cell in line.split("|")[1:-1])
            if cells[0] != "as above":
                license_text, publication = cells
            rows[name.strip('`"')] = images, int(classes), license_text, publication
    assert set(rows) == {*NAMED_DATASETS, "digits"}
    for name, entry in NAMED_DATASETS.items():
        images, classes, license_text, publication = rows[name]
        assert images.startswith(f"{entry.num_train:,} + {entry.num_test:,}")
        assert classes == len(entry.conventions.class_names)
        assert license_text == entry.license
        assert publication == entry.citation
