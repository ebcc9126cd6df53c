"""POST /predict: the same results as the library, and one sentence for each error."""

import json

import numpy as np
import pytest

RULE = (
    'the body must be {"images": [...]}, JSON with a list of images of 28 rows of 28 integers in '
    "0...255; "
)


def test_the_result_is_that_of_the_library(client, digits, recognizer):
    images = digits.test.images[:20]
    response = client.post("/predict", json={"images": images.tolist()})
    assert response.status_code == 200
    result = response.json()
    assert result["class_names"] == list("0123456789")
    assert result["labels"] == recognizer.predict(images).tolist()
    np.testing.assert_allclose(
        result["probabilities"], recognizer.predict_proba(images), rtol=0, atol=1e-6
    )


def with_pixel(value):
    image = np.zeros((28, 28), int).tolist()
    image[3][4] = value
    return json.dumps({"images": [image]})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "the body must be an object"),
        ("{}", "images: Field required"),
        ('{"images": []}', "images must have at least 1 item after validation, not 0"),
        ('{"images": [[]]}', "images[0] must have at least 28 items after validation, not 0"),
        ('{"images": [], "labels": []}', "images must have at least 1 item after validation, not 0"),
        (with_pixel(256), "images[0][3][4] must be less than or equal to 255"),
        (with_pixel(0.5), "images[0][3][4] must be a valid integer"),
        (with_pixel("7"), "images[0][3][4] must be a valid integer"),
        (with_pixel(None), "images[0][3][4] must be a valid integer"),
    ],
)  # fmt: skip
def test_an_invalid_body_is_422_with_one_sentence(client, body, reason):
    response = client.post("/predict", content=body)
    assert (response.status_code, response.json()) == (422, {"detail": RULE + reason})
