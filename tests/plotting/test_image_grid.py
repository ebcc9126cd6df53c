"""The positions of the tiles of a grid."""

import numpy as np

from mnistcnn.plotting.image_grid import ImageGrid


def test_shape_and_tile_origins_include_space_for_annotations():
    grid = ImageGrid(np.ones((5, 2, 3)), columns=3, gap=1, above=2, below=1)
    assert grid.shape == (2 * (2 + 2 + 1) + 1, 3 * 3 + 2)
    origins = [grid.tile_origin(index) for index in range(5)]
    assert origins == [(2, 0), (2, 4), (2, 8), (8, 0), (8, 4)]
    assert np.nansum(grid.canvas()) == 5 * 2 * 3


def test_a_grid_has_no_more_columns_than_tiles():
    assert ImageGrid(np.ones((2, 4, 4)), columns=9, gap=1).shape == (4, 9)
