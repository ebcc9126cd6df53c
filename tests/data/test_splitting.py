"""The random split into a training and a test set."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.data.splitting import stratified_test_mask


@given(
    st.lists(st.integers(0, 5), max_size=60),
    st.floats(0, 1, exclude_min=True),
    st.integers(0, 2**32),
)
def test_each_class_gives_its_share(labels, test_size, seed):
    labels = np.array(labels, np.uint8)
    in_test = stratified_test_mask(labels, test_size, seed)
    assert in_test.dtype == bool
    assert in_test.sum() == round(test_size * len(labels))
    for label in set(labels.tolist()):
        members = labels == label
        assert abs(in_test[members].sum() - test_size * members.sum()) <= 1
    assert np.array_equal(in_test, stratified_test_mask(labels, test_size, seed))


def test_the_seed_selects_the_images():
    labels = np.zeros(100, np.uint8)
    masks = [stratified_test_mask(labels, 0.5, seed) for seed in (0, 1, None, None)]
    assert len({mask.tobytes() for mask in masks}) == 4


def test_all_images_may_be_for_testing():
    assert stratified_test_mask(np.arange(7, dtype=np.uint8), 1, 0).all()
