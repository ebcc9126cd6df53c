"""The page for drawing: what its scripts compute in Node is what the library computes."""

import base64
import json
import pathlib
import re
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import cv2
import draw
import numpy as np
import pytest

import mnistcnn
from benchmarks.ocr import synthetic_pages
from mnistcnn.data.mnist_format import to_mnist_format
from mnistcnn.ocr.binarization import binarize
from mnistcnn.ocr.components import Component
from mnistcnn.weights.pretrained import load_pretrained_weights
from tests.helpers.drawing import draw_strokes
from tests.helpers.node import NODE, needs_node

SCRIPT = pathlib.Path(__file__).with_name("draw_in_node.js")


def in_node(task, **given):
    done = subprocess.run(
        [NODE, SCRIPT],
        input=json.dumps({"task": task, **given}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def packed(array, dtype="<f4"):
    return base64.b64encode(np.asarray(array, dtype).tobytes()).decode()


def unpacked(text, dtype="<f4"):
    return np.frombuffer(base64.b64decode(text), dtype)


def as_field(array):
    return {"width": array.shape[1], "height": array.shape[0], "data": packed(array)}


def glyphs_of(task, drawings):
    found = in_node(task, fields=[as_field(one) for one in drawings])
    return np.stack([unpacked(one, np.uint8).reshape(28, 28) for one in found])


def answers_to(weights, images, shown=0):
    numbers = np.concatenate([np.ravel(array) for array in weights])
    found = in_node(
        "network", weights=packed(numbers), images=packed(images, np.uint8), shown=shown
    )
    return (
        np.stack([unpacked(one) for one in found["probabilities"]]),
        np.reshape([unpacked(one) for one in found["conv1"]], (shown, 26, 26, 32)),
        np.reshape([unpacked(one) for one in found["conv2"]], (shown, 11, 11, 64)),
    )


def changed(images, count):
    """Images turned, moved and scaled at random, so that each is another one."""
    random = np.random.default_rng(0)
    found = []
    for image in images[random.integers(len(images), size=count)]:
        angle, scale = random.uniform(-25, 25), random.uniform(0.7, 1.2)
        change = cv2.getRotationMatrix2D((13.5, 13.5), angle, scale)
        change[:, 2] += random.uniform(-4, 4, 2)
        found.append(cv2.warpAffine(image, change, (28, 28)))
    return np.stack(found)


def assert_equal_to_keras(images):
    model = mnistcnn.load_pretrained()
    expected = model.predict(mnistcnn.preprocess(images), verbose=0)
    found, _, _ = answers_to(load_pretrained_weights("best").weights(calibrated=True), images)
    assert len(set(expected.argmax(axis=1))) == 10
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@needs_node
def test_the_network_answers_as_keras_does(digits):
    assert_equal_to_keras(changed(digits.test.images, 1000))


@needs_node
@pytest.mark.mnist
def test_the_network_answers_mnist_as_keras_does(mnist_path):
    assert_equal_to_keras(mnistcnn.load_data(mnist_path).test.images[:1000])


@needs_node
def test_activations_are_those_of_keras_layers(network, digits):
    """With other weights than the shipped ones, too."""
    import keras

    images = digits.test.images[:12]
    layers = [layer.output for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    parts = keras.Model(network.inputs[0], [*layers, network.outputs[0]])
    *expected, probabilities = parts(mnistcnn.preprocess(images))
    found, *maps = answers_to(network.get_weights(), images, shown=len(images))
    for one, other in zip(maps, expected, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found, np.asarray(probabilities), rtol=0, atol=1e-5)


@needs_node
def test_weights_of_another_network_are_refused():
    with pytest.raises(AssertionError, match="weights must be 34826 numbers; received 3"):
        answers_to([np.zeros(3)], np.zeros((1, 28, 28)))


def random_fields(count):
    random = np.random.default_rng(1)
    for _ in range(count):
        shape = random.integers(1, 130, 2)
        ink = random.random(shape, np.float32)
        yield np.where(random.random(shape) < random.choice([0.02, 0.5, 1]), ink, np.float32(0))


def drawings(count):
    """Strokes of pens of all widths on papers of all sizes, cropped."""
    random = np.random.default_rng(2)
    for _ in range(count):
        shape = random.integers(20, 300, 2)
        places = random.uniform(0.1, 0.9, (random.integers(2, 6), 2)) * shape[::-1]
        yield cropped(draw_strokes(shape, places.tolist(), width=int(random.integers(2, 31))))


def cropped(ink):
    return ink[np.ix_((ink > 0).any(axis=1), (ink > 0).any(axis=0))]


def assert_nearly_all_equal(found, expected):
    """At most one grey level apart, where a rounding falls the other way."""
    apart = np.abs(found.astype(int) - expected.astype(int))
    assert apart.max() <= 1
    assert np.mean(apart > 0) < 1e-3


@needs_node
def test_drawings_are_laid_out_as_the_library_does(digits):
    # Of empty, tiny, noisy and real drawings.
    fields = [
        np.zeros((5, 9), np.float32),
        np.ones((7, 7), np.float32),
        np.ones((1, 90), np.float32),
    ]
    fields += [*random_fields(200), *drawings(100)]
    fields += [image.astype(np.float32) / 255 for image in digits.test.images[:100]]
    assert_nearly_all_equal(
        glyphs_of("layOut", fields), np.stack([to_mnist_format(one) for one in fields])
    )


@needs_node
def test_parts_become_the_glyphs_that_the_library_makes(digits):
    """Thin pens are widened, small digits enlarged, pale ones strengthened."""
    fields = [one for one in random_fields(60) if one.any()]
    fields += list(drawings(150))
    fields += [0.4 * cropped(image.astype(np.float32) / 255) for image in digits.test.images[:100]]
    fields += [np.float32(ink > 0.5) for ink in drawings(50)]
    expected = np.stack([Component(0, 0, one).digit_crop() for one in map(np.float32, fields)])
    found = glyphs_of("glyphOf", fields)
    # OpenCV computes weights of its resizing in single precision: a threshold may be crossed.
    apart = np.abs(found.astype(int) - expected.astype(int)).max(axis=(1, 2))
    assert np.mean(apart <= 1) > 0.99
    assert apart.max() <= 24, apart


@needs_node
def test_parts_are_the_connected_ones():
    random = np.random.default_rng(3)
    fields = [
        (random.random((23, 31)) < share).astype(np.float32) for share in (0, 0.1, 0.4, 0.6, 1)
    ]
    for mask, found in zip(
        fields, in_node("connected", fields=list(map(as_field, fields))), strict=True
    ):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        labelled = np.reshape(found["labels"], mask.shape)
        # The same parts, whatever their numbers.
        pairs = {*zip(labels.ravel().tolist(), labelled.ravel().tolist(), strict=True)}
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
        boxes = {(p["left"], p["top"], p["right"], p["bottom"], p["area"]) for p in found["parts"]}
        assert len(found["parts"]) == count - 1
        assert boxes == {
            (left, top, left + width, top + height, area)
            for left, top, width, height, area in stats[1:].tolist()
        }


@needs_node
def test_a_pen_covers_what_is_under_it():
    points = [(20, 15), (70.5, 31), (44, 52)]
    strokes = [{"points": points, "pen": 12}, {"points": [(12, 50)], "pen": 9}]
    found = unpacked(in_node("strokes", width=90, height=60, strokes=strokes)).reshape(60, 90)
    y, x = np.mgrid[:60, :90] + 0.5
    assert np.all(found[np.hypot(x - 12, y - 50) < 4] == 1)
    dot = found[40:, :24]
    assert dot.sum() == pytest.approx(np.pi * 4.5**2, rel=0.03)
    line = found.sum() - dot.sum()
    lengths = np.hypot(50.5, 16) + np.hypot(26.5, 21)
    assert line == pytest.approx(12 * lengths + np.pi * 6**2, rel=0.06)
    assert found[0].max() == found[:, -1].max() == 0


def done_on_a_sheet(*deeds):
    """What is on the sheet after each deed, and its ink."""
    states = in_node("sheet", deeds=deeds)
    inks = [
        unpacked(one.pop("data")).reshape(one.pop("height"), one.pop("width")) for one in states
    ]
    return states, inks


DOWN = ("begin", {"x": 100, "y": 50}, 20)
ON = ("go", [{"x": 100, "y": 250}])


@needs_node
def test_strokes_replace_the_example_and_can_be_undone():
    states, inks = done_on_a_sheet(
        ("",),
        DOWN,
        ON,
        ("end",),
        ("begin", {"x": 300, "y": 50}, 20),
        ("undo",),
        ("undo",),
        ("undo",),
    )
    kinds = [["stroke"]] * 4 + [["stroke"] * 2, ["stroke"], [], []]
    assert [one["kinds"] for one in states] == kinds
    assert [one["canUndo"] for one in states] == [False] * 3 + [True] * 3 + [False] * 2
    assert inks[0][:, 200:300].any()
    assert not inks[1][:, 120:].any()
    assert inks[4][50, 300] == 1
    np.testing.assert_array_equal(inks[5], inks[3])
    assert not inks[6].any()
    assert inks[3].sum() == pytest.approx(20 * 200 + np.pi * 10**2, rel=0.02)


@needs_node
def test_a_cleared_sheet_can_be_had_back():
    states, inks = done_on_a_sheet(("clear",), DOWN, ON, ("clear",), ("clear",), ("undo",))
    assert [one["kinds"] for one in states] == [[], ["stroke"], ["stroke"], [], [], ["stroke"]]
    assert not inks[0].any()
    assert not inks[3].any()
    np.testing.assert_array_equal(inks[5], inks[2])
    # There is nothing to undo in clearing an example, or what is blank.
    assert [one["canUndo"] for one in states] == [False, False, False, True, True, True]


@needs_node
def test_one_draws_on_a_picture_in_its_own_pixels():
    picture = np.zeros((640, 960), np.float32)
    picture[400:500, 700:800] = 1
    put = ("put", 2, as_field(picture))
    states, inks = done_on_a_sheet(DOWN, put, DOWN, ON, put, ("undo",))
    assert [one["kinds"] for one in states[1:]] == [
        ["picture"], ["picture", "stroke"], ["picture", "stroke"], ["picture"], ["picture", "stroke"]
    ]  # fmt: skip
    assert [one["scale"] for one in states] == [1, 2, 2, 2, 2, 2]
    np.testing.assert_array_equal(inks[1], picture)
    np.testing.assert_array_equal(inks[4], picture)
    stroke = inks[3] - picture
    assert stroke.sum() == pytest.approx(40 * 400 + np.pi * 20**2, rel=0.02)
    assert np.all(stroke[110:490, 185:215] == 1)
    np.testing.assert_array_equal(inks[5], inks[3])


def shipped():
    return packed(unpacked(draw.weights()))


def text_of(found):
    return "\n".join("".join(str(digit["label"]) for digit in line) for line in found["digits"])


def read_by_scripts(pictures, *, are_ink=False):
    fields = [as_field(np.asarray(one, np.float32)) for one in pictures]
    return in_node("read", weights=shipped(), pictures=fields, areInk=are_ink)


@pytest.fixture(scope="module")
def photographed(legible_digits):
    """Lines of digits: dark on light and light on dark, in uneven light, pale, with noise."""
    look = replace(
        synthetic_pages.PAGE_STYLES["clean"], height=(40, 60), lines=(1, 2), digits_per_line=(1, 5)
    )
    random = np.random.default_rng(4)
    pictures, texts = [], []
    for seed in range(15):
        page = synthetic_pages.draw_page(*legible_digits, np.random.default_rng(seed), look)
        grey = page.picture.astype(np.float32) / 255
        shade = np.linspace(1, 0.3, grey.shape[1], dtype=np.float32)
        noise = random.normal(0, 0.08, grey.shape).astype(np.float32)
        ways = (
            grey,
            1 - grey,
            grey * shade,
            0.7 + 0.3 * grey,
            np.clip(0.4 + 0.5 * grey + noise, 0, 1),
        )
        pictures.append(ways[seed % len(ways)])
        texts.append(page.text)
    return pictures, texts


@needs_node
def test_ink_is_found_where_the_library_finds_it(photographed):
    pictures, _ = photographed
    found = in_node("inkOf", fields=list(map(as_field, pictures)))
    both, either = [], []
    for picture, one in zip(pictures, found, strict=True):
        ours = unpacked(one["strength"]).reshape(picture.shape) > 0.5
        theirs = binarize(picture[..., np.newaxis]).labels > 0
        both.append(np.count_nonzero(ours & theirs))
        either.append(np.count_nonzero(ours | theirs))
    # Steep shade on a small picture costs the page some of a stroke's edge, and nothing else.
    assert sum(both) > 0.98 * sum(either)
    assert min(np.divide(both, either)) > 0.92


@needs_node
def test_noise_and_crumbs_are_no_ink():
    random = np.random.default_rng(5)
    noise = np.clip(0.7 + random.normal(0, 0.05, (90, 120)), 0, 1).astype(np.float32)
    crumbs = np.full((90, 120), 0.9, np.float32)
    crumbs[20:22, 30:32] = crumbs[50, 60:65] = 0.1
    found = in_node("inkOf", fields=[as_field(noise), as_field(crumbs)])
    assert [one["parts"] for one in found] == [0, 0]


@needs_node
def test_pictures_are_read_as_the_library_reads_them(photographed, recognizer):
    pictures, expected = photographed
    texts = [text_of(found) for found in read_by_scripts(pictures)]
    assert texts == expected
    assert texts == [recognizer.read(picture).text for picture in pictures]


@needs_node
def test_a_blank_picture_has_no_digits():
    blank = np.full((60, 90), 0.8, np.float32)
    found = read_by_scripts([blank, 0 * blank, blank[:1, :1], blank[:2]])
    assert [text_of(one) for one in found] == [""] * 4


# Each stroke a list of points in the unit square; strokes that belong together do not touch.
FIVE = [
    [(0.3, 0.2), (0.28, 0.45), (0.5, 0.42), (0.68, 0.6), (0.6, 0.8), (0.25, 0.82)],
    [(0.36, 0.13), (0.75, 0.13)],
]
FOUR = [[(0.4, 0.1), (0.2, 0.55), (0.56, 0.57)], [(0.68, 0.3), (0.66, 0.9)]]
SEVEN = [[(0.2, 0.15), (0.75, 0.15), (0.4, 0.9)]]
ONE = [[(0.5, 0.1), (0.48, 0.9)]]


def drawn_side_by_side(*signs, size=200):
    lines = [
        [(size * (x + 0.9 * place), size * y) for x, y in line]
        for place, sign in enumerate(signs)
        for line in sign
    ]
    return draw_strokes((size, size * len(signs)), *lines, width=18)


@needs_node
def test_strokes_of_one_digit_are_joined_and_digits_are_not():
    signs = {
        "7": (SEVEN,),
        "5": (FIVE,),
        "4": (FOUR,),
        "7541": (SEVEN, FIVE, FOUR, ONE),
        "11": (ONE, ONE),
    }
    drawn = [drawn_side_by_side(*each) for each in signs.values()]
    assert [text_of(found) for found in read_by_scripts(drawn, are_ink=True)] == list(signs)


@needs_node
def test_boxes_lie_about_the_ink():
    ink = drawn_side_by_side(SEVEN, ONE)
    (found,) = read_by_scripts([ink], are_ink=True)
    for digit, columns in zip(found["digits"][0], (slice(0, 190), slice(190, 400)), strict=True):
        rows = np.flatnonzero((ink[:, columns] > 0.5).any(axis=1))
        across = np.flatnonzero((ink[:, columns] > 0.5).any(axis=0)) + columns.start
        box = digit["box"]
        assert (box["top"], box["bottom"]) == (rows[0], rows[-1] + 1)
        assert (box["left"], box["right"]) == (across[0], across[-1] + 1)


@needs_node
def test_dirt_is_no_digit_and_no_part_of_one():
    clean = drawn_side_by_side(SEVEN, ONE)
    dirty = clean.copy()
    dirty[168:184, 150:154] = 1  # beside the 7
    dirty[100:140, 370:380] = 1  # alone, and lower than digits are
    one, other = read_by_scripts([clean, dirty], are_ink=True)
    assert text_of(one) == text_of(other) == "71"
    assert one["digits"] == other["digits"]


@needs_node
def test_a_stroke_asks_the_network_for_its_own_digit_alone():
    inks = [drawn_side_by_side(*signs) for signs in ((SEVEN,), (SEVEN, ONE), (SEVEN, ONE))]
    inks[0] = np.pad(inks[0], [(0, 0), (0, 200)])
    assert [one["asked"] for one in read_by_scripts(inks, are_ink=True)] == [1, 1, 0]


def test_the_page_is_one_file_that_can_fetch_nothing(tmp_path):
    path = tmp_path / "new" / "draw.html"
    draw.build(path)
    content = path.read_bytes()
    assert len(content) < 300_000
    text = content.decode()
    assert "default-src 'none'" in text
    for word in (
        "http:",
        "https:",
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ):
        assert word not in text.replace("xmlns='http://www.w3.org/2000/svg'", ""), word
    assert not re.search(r"@[a-z]+@", text)


def test_the_page_holds_the_shipped_weights_calibrated():
    found = re.search(r'start\("([^"]+)"\)', draw.page()).group(1)
    expected = np.concatenate(
        [one.ravel() for one in load_pretrained_weights("best").weights(calibrated=True)]
    )
    np.testing.assert_array_equal(unpacked(found), expected)


def test_the_page_leads_back_to_the_docs():
    assert '<a href="index.html">' in draw.page()
    assert '<a href="../index.html">' in draw.page("../index.html")


@pytest.mark.parametrize(
    ("kind", "error", "made"),
    [("html", None, True), ("html", ValueError("a broken page"), False), ("", None, False)],
)
def test_the_page_is_made_beside_the_docs(tmp_path, kind, error, made):
    done = {}
    builder = SimpleNamespace(format=kind)
    app = SimpleNamespace(outdir=str(tmp_path), builder=builder, connect=done.__setitem__)
    draw.setup(app)
    done["build-finished"](app, error)
    assert [path.name for path in tmp_path.iterdir()] == (["draw.html"] if made else [])
