"""The tolerances of exports."""

import numpy as np
import pytest

from mnistcnn.export import parity


@pytest.mark.parametrize("check", [parity.check_float32, parity.check_int8])
def test_other_shapes_and_nan_do_not_match(check):
    equal = np.full((256, 10), 0.1, np.float32)
    reference = parity.ReferenceOutputs(equal, logit_range=1.0)
    assert check(equal, reference) is None
    assert check(equal[:, :9], reference) == "return the shape (256, 10); received (256, 9)"
    assert check(np.full_like(equal, np.nan), reference).endswith("nan")


def test_the_float32_tolerance_grows_with_the_logit_range():
    equal = np.full((256, 10), 0.1, np.float32)
    assert parity.check_float32(equal + 2e-5, parity.ReferenceOutputs(equal, logit_range=1.0))
    wide = parity.ReferenceOutputs(equal, logit_range=50.0)
    assert parity.check_float32(equal + 2e-5, wide) is None


def test_reference_outputs_are_those_of_keras(network):
    images = parity.random_images()
    reference = parity.reference_outputs(network, images)
    log_probabilities = np.log(np.asarray(network(images)))
    assert np.array_equal(reference.probabilities, network(images))
    expected = np.ptp(log_probabilities, axis=1).max()
    assert reference.logit_range == pytest.approx(expected, rel=1e-3)
