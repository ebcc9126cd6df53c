"""The scripts of the drawing page compute in Node what the library computes."""

import base64
import json
import pathlib
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import pytest

import mnistcnn
from benchmarks.ocr import synthetic_pages
from mnistcnn.data.size_normalization import to_mnist_format
from mnistcnn.images.image_io import read_image
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.weights.pretrained import load_pretrained_weights, load_rejector_weights
from tests.helpers.drawing import draw_strokes
from tests.helpers.node import NODE, needs_node

pytestmark = needs_node

SCRIPT = pathlib.Path(__file__).with_name("run_draw_scripts.js")


def run_in_node(task, **inputs):
    result = subprocess.run(
        [NODE, SCRIPT],
        input=json.dumps({"task": task, **inputs}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def encode(array, dtype="<f4"):
    return base64.b64encode(np.asarray(array, dtype).tobytes()).decode()


def decode(text, dtype="<f4"):
    return np.frombuffer(base64.b64decode(text), dtype)


def encode_image(array):
    return {"width": array.shape[1], "height": array.shape[0], "data": encode(array)}


def encode_images(arrays):
    return [encode_image(np.asarray(array, np.float32)) for array in arrays]


def digit_images_of(task, inks):
    crops = run_in_node(task, images=encode_images(inks))
    return np.stack([decode(crop, np.uint8).reshape(28, 28) for crop in crops])


def predict_in_node(weights, images, num_maps=0):
    values = np.concatenate([np.ravel(array) for array in weights])
    output = run_in_node(
        "network", weights=encode(values), images=encode(images, np.uint8), numMaps=num_maps
    )
    return (
        np.stack([decode(row) for row in output["probabilities"]]),
        np.reshape([decode(maps) for maps in output["conv1"]], (num_maps, 26, 26, 32)),
        np.reshape([decode(maps) for maps in output["conv2"]], (num_maps, 11, 11, 64)),
    )


def augmented(images, count):
    """Images with random rotation, scale and translation, so that all differ."""
    random = np.random.default_rng(0)
    result = []
    for image in images[random.integers(len(images), size=count)]:
        angle, scale = random.uniform(-25, 25), random.uniform(0.7, 1.2)
        transform = cv2.getRotationMatrix2D((13.5, 13.5), angle, scale)
        transform[:, 2] += random.uniform(-4, 4, 2)
        result.append(cv2.warpAffine(image, transform, (28, 28)))
    return np.stack(result)


def assert_probabilities_equal_those_of_keras(images):
    model = mnistcnn.load_pretrained()
    expected = model.predict(mnistcnn.preprocess(images), verbose=0)
    weights = load_pretrained_weights("best").weights(calibrated=True)
    probabilities, _, _ = predict_in_node(weights, images)
    assert len(set(expected.argmax(axis=1))) == 10
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_probabilities_equal_those_of_keras(digits):
    assert_probabilities_equal_those_of_keras(augmented(digits.test.images, 1000))


@pytest.mark.mnist
def test_probabilities_on_mnist_equal_those_of_keras(mnist_path):
    assert_probabilities_equal_those_of_keras(mnistcnn.load_data(mnist_path).test.images[:1000])


def test_activations_equal_those_of_keras(network, digits):
    import keras

    images = digits.test.images[:12]
    layers = [layer.output for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    submodel = keras.Model(network.inputs[0], [*layers, network.outputs[0]])
    *expected_maps, expected = submodel(mnistcnn.preprocess(images))
    probabilities, *maps = predict_in_node(network.get_weights(), images, num_maps=len(images))
    for actual, reference in zip(maps, expected_maps, strict=True):
        np.testing.assert_allclose(actual, np.asarray(reference), rtol=0, atol=1e-5)
    np.testing.assert_allclose(probabilities, np.asarray(expected), rtol=0, atol=1e-5)


def test_network_checks_the_number_of_weights():
    with pytest.raises(AssertionError, match="weights must have 34826 numbers; received 3"):
        predict_in_node([np.zeros(3)], np.zeros((1, 28, 28)))


def test_rejector_equals_that_of_the_library(digits):
    """On digits, distorted digits, and crops that show none."""
    images = [augmented(digits.test.images, 300)]
    images.append(digit_images_of("digitCrop", [np.float32(ink) for ink in random_strokes(100)]))
    crops = np.concatenate(images)
    weights = load_rejector_weights().weights(calibrated=True)
    values = np.concatenate([array.ravel() for array in weights])
    scores = run_in_node("rejector", weights=encode(values), images=encode(crops, np.uint8))
    expected = NonDigitRejector(1)(crops)
    assert expected.min() < 0.1
    assert expected.max() > 0.9
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4)


def random_images(count):
    random = np.random.default_rng(1)
    for _ in range(count):
        shape = random.integers(1, 130, 2)
        ink = random.random(shape, np.float32)
        yield np.where(random.random(shape) < random.choice([0.02, 0.5, 1]), ink, np.float32(0))


def random_strokes(count):
    """Strokes of pens of different widths on canvases of different sizes, cropped."""
    random = np.random.default_rng(2)
    for _ in range(count):
        shape = random.integers(20, 300, 2)
        points = random.uniform(0.1, 0.9, (random.integers(2, 6), 2)) * shape[::-1]
        yield crop_to_ink(draw_strokes(shape, points.tolist(), width=int(random.integers(2, 31))))


def crop_to_ink(ink):
    return ink[np.ix_((ink > 0).any(axis=1), (ink > 0).any(axis=0))]


def test_mnist_format_equals_that_of_the_library(digits):
    inks = [
        np.zeros((5, 9), np.float32),
        np.ones((7, 7), np.float32),
        np.ones((1, 90), np.float32),
    ]
    inks += [*random_images(200), *random_strokes(100)]
    inks += [image.astype(np.float32) / 255 for image in digits.test.images[:100]]
    expected = np.stack([to_mnist_format(ink) for ink in inks])
    difference = np.abs(digit_images_of("toMnistFormat", inks).astype(int) - expected.astype(int))
    # Float rounding may change a gray level by one.
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-3


def test_digit_crops_equal_those_of_the_library(digits):
    """Thin strokes are widened, small digits enlarged, pale ones strengthened."""
    inks = [image for image in random_images(60) if image.any()]
    inks += list(random_strokes(150))
    inks += [
        0.4 * crop_to_ink(image.astype(np.float32) / 255) for image in digits.test.images[:100]
    ]
    inks += [np.float32(ink > 0.5) for ink in random_strokes(50)]
    expected = np.stack([digit_crop(ink) for ink in map(np.float32, inks)])
    crops = digit_images_of("digitCrop", inks)
    # OpenCV resizes in single precision, so a value may cross a threshold.
    difference = np.abs(crops.astype(int) - expected.astype(int)).max(axis=(1, 2))
    assert np.mean(difference <= 1) > 0.99
    assert difference.max() <= 24, difference


def test_connected_components_equal_those_of_opencv():
    random = np.random.default_rng(3)
    masks = [
        (random.random((23, 31)) < fraction).astype(np.float32)
        for fraction in (0, 0.1, 0.4, 0.6, 1)
    ]
    results = run_in_node("connectedComponents", images=encode_images(masks))
    for mask, result in zip(masks, results, strict=True):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        actual_labels = np.reshape(result["labels"], mask.shape)
        # The same components, whatever their order.
        pairs = {*zip(labels.ravel().tolist(), actual_labels.ravel().tolist(), strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert len(result["components"]) == count - 1
        assert {
            tuple(box[key] for key in ("left", "top", "right", "bottom", "area"))
            for box in result["components"]
        } == {
            (left, top, left + width, top + height, area)
            for left, top, width, height, area in stats[1:].tolist()
        }


def test_stroke_covers_the_area_under_the_pen():
    points = [(20, 15), (70.5, 31), (44, 52)]
    strokes = [{"points": points, "penWidth": 12}, {"points": [(12, 50)], "penWidth": 9}]
    ink = decode(run_in_node("drawStrokes", width=90, height=60, strokes=strokes)).reshape(60, 90)
    y, x = np.mgrid[:60, :90] + 0.5
    assert np.all(ink[np.hypot(x - 12, y - 50) < 4] == 1)
    dot = ink[40:, :24]
    assert dot.sum() == pytest.approx(np.pi * 4.5**2, rel=0.03)
    line_area = ink.sum() - dot.sum()
    length = np.hypot(50.5, 16) + np.hypot(26.5, 21)
    assert line_area == pytest.approx(12 * length + np.pi * 6**2, rel=0.06)
    assert ink[0].max() == ink[:, -1].max() == 0


def run_actions(*actions):
    """Return the state of the drawing and its ink after each action."""
    states = run_in_node("drawing", actions=actions)
    inks = [
        decode(state.pop("data")).reshape(state.pop("height"), state.pop("width"))
        for state in states
    ]
    return states, inks


START = ("startStroke", {"x": 100, "y": 50}, 20)
EXTEND = ("extendStroke", [{"x": 100, "y": 250}])


def test_strokes_replace_the_example_and_can_be_undone():
    states, inks = run_actions(
        ("",),
        START,
        EXTEND,
        ("endStroke",),
        ("startStroke", {"x": 300, "y": 50}, 20),
        ("undo",),
        ("undo",),
        ("undo",),
    )
    kinds = [["stroke"]] * 4 + [["stroke"] * 2, ["stroke"], [], []]
    assert [state["kinds"] for state in states] == kinds
    assert [state["canUndo"] for state in states] == [False] * 3 + [True] * 3 + [False] * 2
    assert inks[0][:, 200:300].any()
    assert not inks[1][:, 120:].any()
    assert inks[4][50, 300] == 1
    np.testing.assert_array_equal(inks[5], inks[3])
    assert not inks[6].any()
    assert inks[3].sum() == pytest.approx(20 * 200 + np.pi * 10**2, rel=0.02)


def test_clear_can_be_undone():
    states, inks = run_actions(("clear",), START, EXTEND, ("clear",), ("clear",), ("undo",))
    assert [state["kinds"] for state in states] == [[], ["stroke"], ["stroke"], [], [], ["stroke"]]
    assert not inks[0].any()
    assert not inks[3].any()
    np.testing.assert_array_equal(inks[5], inks[2])
    # Clearing the example or a blank canvas is not an action that can be undone.
    assert [state["canUndo"] for state in states] == [False, False, False, True, True, True]


def test_strokes_on_an_image_have_its_resolution():
    image = np.zeros((640, 960), np.float32)
    image[400:500, 700:800] = 1
    show = ("showImage", 2, encode_image(image))
    states, inks = run_actions(START, show, START, EXTEND, show, ("undo",))
    assert [state["kinds"] for state in states[1:]] == [
        ["image"], ["image", "stroke"], ["image", "stroke"], ["image"], ["image", "stroke"]
    ]  # fmt: skip
    assert [state["scale"] for state in states] == [1, 2, 2, 2, 2, 2]
    np.testing.assert_array_equal(inks[1], image)
    np.testing.assert_array_equal(inks[4], image)
    stroke = inks[3] - image
    assert stroke.sum() == pytest.approx(40 * 400 + np.pi * 20**2, rel=0.02)
    assert np.all(stroke[110:490, 185:215] == 1)
    np.testing.assert_array_equal(inks[5], inks[3])


def text_of(result):
    return "\n".join("".join(digit["text"] for digit in line) for line in result["digits"])


def recognize_in_node(images, *, are_ink=False):
    weights, rejector_weights = (
        encode(np.concatenate([array.ravel() for array in loaded.weights(calibrated=True)]))
        for loaded in (load_pretrained_weights("best"), load_rejector_weights())
    )
    return run_in_node(
        "recognize",
        weights=weights,
        rejectorWeights=rejector_weights,
        images=encode_images(images),
        areInk=are_ink,
    )


@pytest.fixture(scope="module")
def photos(legible_digits):
    """Lines of digits: dark on light and light on dark, with uneven light, low contrast or noise."""
    style = replace(
        synthetic_pages.PAGE_STYLES["clean"], height=(40, 60), lines=(1, 2), digits_per_line=(1, 5)
    )
    random = np.random.default_rng(4)
    photos, texts, inks = [], [], []
    for seed in range(15):
        page = synthetic_pages.draw_page(*legible_digits, np.random.default_rng(seed), style)
        gray = page.picture.astype(np.float32) / 255
        illumination = np.linspace(1, 0.3, gray.shape[1], dtype=np.float32)
        noise = random.normal(0, 0.08, gray.shape).astype(np.float32)
        variants = (
            gray,
            1 - gray,
            gray * illumination,
            0.7 + 0.3 * gray,
            np.clip(0.4 + 0.5 * gray + noise, 0, 1),
        )
        photos.append(variants[seed % len(variants)])
        texts.append(page.text)
        inks.append(gray < 0.5)
    return photos, texts, inks


def test_binarization_finds_the_ink(photos):
    images, _, inks = photos
    results = run_in_node("binarize", images=encode_images(images))
    intersections, unions = [], []
    for expected, result in zip(inks, results, strict=True):
        actual = decode(result["strength"]).reshape(expected.shape) > 0.5
        intersections.append(np.count_nonzero(actual & expected))
        unions.append(np.count_nonzero(actual | expected))
    # Noise and a steep gradient cost some pixels at the edge of strokes.
    assert sum(intersections) > 0.92 * sum(unions)
    assert min(np.divide(intersections, unions)) > 0.8


def canvases():
    """Images with transparency: strokes and pages of any brightness, and noise."""
    random = np.random.default_rng(6)
    ink = draw_line(SEVEN, ONE)
    page = np.zeros((*ink.shape, 4), np.uint8)
    for brightness in (0, 120, 136, 255):
        strokes = page.copy()
        strokes[..., :3] = brightness
        strokes[..., 3] = np.round(255 * ink)
        yield strokes
    outlined = strokes.copy()
    outlined[..., :3][ink > 0.99] = 20  # light strokes with dark parts
    yield outlined
    for width in (1, 60):  # a light page with a transparent margin, narrow or wide
        page[...] = 250
        page[:, :width, 3] = 0
        yield page
    yield np.full((30, 40, 4), (255, 255, 255, 128), np.uint8)
    yield np.zeros((30, 40, 4), np.uint8)
    for _ in range(20):
        noise = random.integers(0, 256, (12, 17, 4), np.uint8)
        noise[random.random(noise.shape[:2]) < random.random(), 3] = 0
        noise[..., :3] |= np.uint8(random.choice([0, 128]))
        yield noise


def test_brightness_of_transparent_images_is_that_of_the_library():
    images = [image.copy() for image in canvases()]
    results = run_in_node(
        "brightness",
        images=[
            {"width": image.shape[1], "height": image.shape[0], "data": encode(image, np.uint8)}
            for image in images
        ],
    )
    backgrounds = [result["background"] for result in results]
    assert 8 < sum(backgrounds) < len(images) - 4
    for image, result in zip(images, results, strict=True):
        brightness = read_image(image).brightness
        expected = brightness @ np.float32([0.299, 0.587, 0.114])
        gray = decode(result["gray"]).reshape(expected.shape)
        np.testing.assert_allclose(gray, expected, rtol=0, atol=0.01)


def test_noise_and_specks_are_not_ink():
    random = np.random.default_rng(5)
    noise = np.clip(0.7 + random.normal(0, 0.05, (90, 120)), 0, 1).astype(np.float32)
    specks = np.full((90, 120), 0.9, np.float32)
    specks[20:22, 30:32] = specks[50, 60:65] = 0.1
    results = run_in_node("binarize", images=encode_images([noise, specks]))
    assert [result["numComponents"] for result in results] == [0, 0]


def test_images_are_read_as_by_the_library(photos, recognizer):
    images, expected, _ = photos
    texts = [text_of(result) for result in recognize_in_node(images)]
    assert texts == expected
    assert texts == [recognizer.read(image).text for image in images]


def test_blank_image_has_no_digits():
    blank = np.full((60, 90), 0.8, np.float32)
    results = recognize_in_node([blank, 0 * blank, blank[:1, :1], blank[:2]])
    assert [text_of(result) for result in results] == [""] * 4


# A digit is a list of strokes, with points in the unit square. Its strokes do not touch.
FIVE = [
    [(0.3, 0.2), (0.28, 0.45), (0.5, 0.42), (0.68, 0.6), (0.6, 0.8), (0.25, 0.82)],
    [(0.36, 0.13), (0.75, 0.13)],
]
FOUR = [[(0.4, 0.1), (0.2, 0.55), (0.56, 0.57)], [(0.68, 0.3), (0.66, 0.9)]]
SEVEN = [[(0.2, 0.15), (0.75, 0.15), (0.4, 0.9)]]
ONE = [[(0.5, 0.1), (0.48, 0.9)]]


def draw_line(*digits, size=200):
    """Return the ink of digits side by side."""
    strokes = [
        [(size * (x + 0.9 * position), size * y) for x, y in stroke]
        for position, digit in enumerate(digits)
        for stroke in digit
    ]
    return draw_strokes((size, size * len(digits)), *strokes, width=18)


def test_strokes_of_a_digit_are_merged_and_digits_are_not():
    lines = {
        "7": (SEVEN,),
        "5": (FIVE,),
        "4": (FOUR,),
        "7541": (SEVEN, FIVE, FOUR, ONE),
        "11": (ONE, ONE),
    }
    results = recognize_in_node([draw_line(*line) for line in lines.values()], are_ink=True)
    assert [text_of(result) for result in results] == list(lines)


LETTER_A = [[(0.2, 0.9), (0.5, 0.1), (0.8, 0.9)], [(0.32, 0.6), (0.68, 0.6)]]
SCRIBBLE = [[(0.1 + 0.08 * i, 0.2 if i % 2 else 0.8) for i in range(11)]]
CROSS = [[(0.15, 0.15), (0.85, 0.85)], [(0.85, 0.15), (0.15, 0.85)]]


@pytest.mark.parametrize("strokes", [LETTER_A, SCRIBBLE, CROSS], ids=["A", "scribble", "cross"])
def test_what_is_no_digit_is_marked(strokes, recognizer):
    ink = draw_line(strokes)
    (result,) = recognize_in_node([ink], are_ink=True)
    assert text_of(result) == "?"
    ((digit,),) = result["digits"]
    assert digit["confidence"] < 0.75
    assert digit["isDigit"] == pytest.approx(decode(digit["probabilities"]).sum(), abs=1e-5)
    crop = decode(digit["crop"], np.uint8).reshape(1, 28, 28)
    assert digit["isDigit"] == pytest.approx(NonDigitRejector(1)(crop)[0], abs=1e-4)
    assert digit["confidence"] == pytest.approx(
        digit["isDigit"] * recognizer.predict_proba(crop).max(), abs=1e-4
    )


def test_boxes_enclose_the_ink():
    ink = draw_line(SEVEN, ONE)
    (result,) = recognize_in_node([ink], are_ink=True)
    for digit, columns in zip(result["digits"][0], (slice(0, 190), slice(190, 400)), strict=True):
        y = np.flatnonzero((ink[:, columns] > 0.5).any(axis=1))
        x = np.flatnonzero((ink[:, columns] > 0.5).any(axis=0)) + columns.start
        box = digit["box"]
        assert (box["top"], box["bottom"]) == (y[0], y[-1] + 1)
        assert (box["left"], box["right"]) == (x[0], x[-1] + 1)


def test_dirt_is_ignored():
    clean = draw_line(SEVEN, ONE)
    dirty = clean.copy()
    dirty[168:184, 150:154] = 1  # next to the 7
    dirty[100:140, 370:380] = 1  # separate, and too low for a digit
    clean_result, dirty_result = recognize_in_node([clean, dirty], are_ink=True)
    assert text_of(clean_result) == text_of(dirty_result) == "71"
    assert clean_result["digits"] == dirty_result["digits"]


def test_network_runs_only_for_digits_that_changed():
    inks = [draw_line(*digits) for digits in ((SEVEN,), (SEVEN, ONE), (SEVEN, ONE))]
    inks[0] = np.pad(inks[0], [(0, 0), (0, 200)])
    assert [result["numCalls"] for result in recognize_in_node(inks, are_ink=True)] == [1, 1, 0]
