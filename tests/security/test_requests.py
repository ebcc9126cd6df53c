"""A request to the service takes bounded memory, whatever its body holds."""

import pytest
from pydantic import ValidationError

from mnistcnn.serve.computation import predict_images
from mnistcnn.serve.schemas import PredictRequest

ROW = f"[{','.join(['256'] * 28)}]"
IMAGE = f"[{','.join([ROW] * 28)}]"
# Of 20 MB, the errors of all values would take up to 10 GB.
BODIES = {
    "numbers instead of images": [0] * 1000,
    "empty images": [[]] * 1000,
    "empty rows": [[[]] * 28] * 1000,
    "pixels out of range": f"[{IMAGE},{IMAGE}]",
}


@pytest.mark.parametrize("name", BODIES)
def test_one_error_of_a_body_is_stored(name):
    with pytest.raises(ValidationError) as caught:
        PredictRequest.model_validate_json(f'{{"images": {BODIES[name]}}}')
    assert caught.value.error_count() == 1


def test_keys_of_a_body_are_not_parsed():
    body = ",".join(f'"{number}": 0' for number in range(50))
    with pytest.raises(ValueError, match=r"list of images .*; it holds 100 quotation marks"):
        predict_images(None, f"{{{body}}}".encode())
