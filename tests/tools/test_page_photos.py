"""Photographs of synthetic pages: effects, surfaces, light, camera, and the truth."""

import cv2
import numpy as np
import pytest

from tools.page_network import camera, pages, photo, textures
from tools.page_network.effects import EFFECTS, STYLES, Effects, draw_style
from tools.page_network.geometry import Warp, draw_warp
from tools.page_network.layers import InkLayer, Layout
from tools.page_network.lighting import draw_light
from tools.page_network.occluders import cover
from tools.page_network.surfaces import draw_scene

SIZE = 128


@pytest.fixture
def layout():
    """Four black digits, each a block of its own size, and a blue rule between them."""
    instances = np.zeros((SIZE, SIZE), np.int16)
    for number in range(4):
        row, column = 20 + 55 * (number // 2), 20 + 55 * (number % 2)
        instances[row : row + 24 + 2 * number, column : column + 16] = number + 1
    rule = np.zeros((SIZE, SIZE), np.float32)
    rule[60:63] = 1
    digits = (instances > 0).astype(np.float32)
    layers = [
        InkLayer(rule, (0.3, 0.4, 0.8), "other", "pen"),
        InkLayer(digits, (0.05, 0.05, 0.05), "digit", "pencil"),
    ]
    return Layout(layers=layers, instances=instances, labels=[7, 1, 0, 9])


def effects_of(style, *names, seed=0):
    """Effects of which only the named ones may occur."""
    return Effects(np.random.default_rng(seed), style, without=EFFECTS.keys() - set(names))


def assert_equal(first, second):
    for name in ("image", "digit_ink", "other_ink", "instances", "digits"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("style", STYLES)
def test_equal_generators_take_equal_pictures(layout, style):
    first, second, third = (
        photo.photograph(layout, np.random.default_rng(seed), style=style) for seed in (0, 0, 1)
    )
    assert_equal(first, second)
    assert (first.image != third.image).any()


def test_truth_matches_the_picture(layout):
    for seed in range(40):
        page = photo.photograph(layout, np.random.default_rng(seed))
        assert page.image.shape == (SIZE, SIZE, 3)
        assert page.image.dtype == page.digit_ink.dtype == page.other_ink.dtype == np.uint8
        assert page.instances.dtype == np.int16
        assert page.instances.max() == len(page.digits) <= 4
        for number, (x, y, width, height, label) in enumerate(page.digits, start=1):
            rows, columns = np.nonzero(page.instances == number)
            assert width == np.ptp(columns) + 1
            assert height == np.ptp(rows) + 1
            assert x == columns.min() + width / 2
            assert y == rows.min() + height / 2
            assert label in {7, 1, 0, 9}
            assert (page.digit_ink[rows, columns] > 0).mean() > 0.9


def test_without_effects_the_truth_is_the_layout(layout):
    page = photo.photograph(layout, np.random.default_rng(0), style="photo", without=EFFECTS.keys())
    np.testing.assert_array_equal(page.instances, layout.instances)
    np.testing.assert_array_equal(page.digit_ink, 255 * (layout.instances > 0))
    np.testing.assert_array_equal(page.other_ink[60:63], 255)
    assert page.digits[:, 4].tolist() == [7, 1, 0, 9]
    assert page.digits[1].tolist() == [83, 33, 16, 26, 1]
    paper = page.image[layout.instances == 0].mean()
    assert page.image[layout.instances > 0].mean() < paper - 100


def test_dark_paper_has_light_ink(layout, monkeypatch):
    black = np.zeros(3, np.float32)
    monkeypatch.setattr(photo, "draw_paper_color", lambda effects: black)
    page = photo.photograph(
        layout, np.random.default_rng(0), style="digital", without=EFFECTS.keys()
    )
    assert page.image[layout.instances > 0].mean() > 150
    assert page.image[:10].max() == 0


def test_digits_that_leave_the_picture_are_no_longer_listed(layout):
    shifted = np.zeros_like(layout.instances)
    shifted[:, :-90] = layout.instances[:, 90:]
    instances, digits = photo._locate(layout, shifted, 1.0)
    # Of the two digits at the right, a strip of one pixel is left.
    assert digits.shape == (0, 5)
    assert not instances.any()
    instances, digits = photo._locate(layout, np.roll(layout.instances, 5, axis=1), 1.0)
    assert digits[:, 4].tolist() == [7, 1, 0, 9]


def test_a_scene_shows_no_ink(layout):
    page = photo.photograph(layout, np.random.default_rng(0), style="scene")
    assert not page.digit_ink.any()
    assert not page.other_ink.any()
    assert page.digits.shape == (0, 5)
    assert page.image.std() > 1


def test_tinted_areas_are_visible_and_no_ink(layout):
    layout.layers.insert(
        0, InkLayer(np.ones((SIZE, SIZE), np.float32), (1, 0.5, 0), "area", "print")
    )
    page = photo.photograph(layout, np.random.default_rng(0), style="photo", without=EFFECTS.keys())
    assert not page.other_ink[:50].any()
    assert page.image[5, 5, 0] > page.image[5, 5, 2] + 100


def test_faint_ink_stays_visible(layout):
    harsh = {"pale ink", "vignette", "lamp spot", "gradient", "exposure", "tone curve"}
    for seed in range(30):
        page = photo.photograph(
            layout, np.random.default_rng(seed), style="photo", without=EFFECTS.keys() - harsh
        )
        gray = page.image.mean(axis=2)
        around = cv2.dilate((page.instances > 0).astype(np.uint8), np.ones((9, 9))) > 0
        around &= page.instances == 0
        assert abs(gray[page.instances > 0].mean() - gray[around].mean()) > 4


@pytest.mark.parametrize("width", [1, 2, 4, 9])
def test_stroke_width_is_measured(width):
    ink = np.zeros((64, 64), np.uint8)
    ink[4:60, 20 : 20 + width] = 255
    assert photo._stroke_width(ink) == pytest.approx(width, rel=0.3, abs=1)


def test_occluded_ink_is_not_in_the_truth(layout, monkeypatch):
    everything = np.full((SIZE, SIZE), 255, np.uint8)
    monkeypatch.setattr(photo, "cover", lambda effects, image: everything)
    monkeypatch.setattr(Effects, "occurs", lambda self, name: name == "occluder")
    page = photo.photograph(layout, np.random.default_rng(0), style="photo")
    assert not page.digit_ink.any()
    assert not page.instances.any()
    assert page.digits.shape == (0, 5)


def test_ink_on_a_torn_edge_is_not_in_the_truth(layout, monkeypatch):
    torn = np.full((SIZE, SIZE), 255, np.uint8)
    torn[:, :50] = 0
    monkeypatch.setattr(photo, "_sheet", lambda effects, shape: torn)
    monkeypatch.setattr(photo, "draw_warp", lambda *_: Warp(None, 1.0, surrounded=True))
    page = photo.photograph(layout, np.random.default_rng(0), style="scan", without=EFFECTS.keys())
    assert not page.digit_ink[:, :50].any()
    assert not page.other_ink[:, :50].any()
    assert page.other_ink[60:63, 50:].all()
    assert page.digits[:, 4].tolist() == [1, 9]


def test_print_lies_on_scenes_and_handwritten_digits_do_not(layout, monkeypatch):
    monkeypatch.setattr(Effects, "occurs", lambda self, name: name == "scene behind print")
    drawn = []
    monkeypatch.setattr(
        photo,
        "draw_scene",
        lambda effects, shape: drawn.append(1) or np.zeros((*shape, 3), np.float32),
    )
    photo.photograph(layout, np.random.default_rng(0), style="photo")
    assert not drawn
    blank = Layout(layers=layout.layers[:1], instances=np.zeros((SIZE, SIZE), np.int16), labels=[])
    page = photo.photograph(blank, np.random.default_rng(0), style="photo")
    assert drawn
    assert page.other_ink.any()


def test_glare_leaves_contrast():
    for seed in range(20):
        image = np.full((64, 64, 3), 0.3, np.float32)
        glaring, contrast = camera._add_glare(effects_of("photo", seed=seed), image, 0.2)
        assert glaring.min() >= np.float32(0.3)
        assert glaring.max() > 0.31
        assert 0.059 < contrast < 0.2


@pytest.mark.parametrize("dark", [False, True])
def test_stretching_the_contrast_keeps_a_little_ink(dark):
    image = np.full((96, 96, 3), 0.9, np.float32)
    image[41:43, 41:60] = 0.7
    if dark:
        image = 1 - image
    for seed in range(20):
        stretched = camera._stretch(effects_of("scan", seed=seed), image, 0.2, dark=dark)
        levels = np.clip(stretched, 0, 1)
        assert abs(levels[41, 50, 0] - levels[5, 5, 0]) > 0.4


@pytest.mark.parametrize("dark", [False, True])
def test_binarization_separates_writing_from_the_page(dark):
    picture = np.full((96, 96, 3), 255, np.uint8)
    picture[40:44, 20:60] = 0
    if dark:
        picture = 255 - picture
    for seed in range(20):
        binary = camera._binarize(effects_of("scan", seed=seed), picture, dark=dark)
        assert set(np.unique(binary)) == {0, 255}
        assert binary[42, 40, 0] != binary[5, 5, 0]


def test_occluders_cover_what_their_mask_says():
    for seed in range(20):
        image = np.full((SIZE, SIZE, 3), 0.5, np.float32)
        mask = cover(effects_of("photo", seed=seed), image)
        assert mask.any()
        assert not mask.all()
        assert (np.abs(image[mask == 255] - 0.5) > 1e-3).any()


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_that_is_left_out_never_occurs(name):
    for style in STYLES:
        generator = np.random.default_rng(0)
        effects = Effects(generator, style, without=[name])
        assert not any(effects.occurs(name) for _ in range(100))


def test_effects_are_as_frequent_as_the_table_says():
    seen = [Effects(np.random.default_rng(i), "photo").occurs("gray") for i in range(2000)]
    assert abs(np.mean(seen) - EFFECTS["gray"].photo) < 0.04


def test_styles_are_as_frequent_as_the_table_says():
    generator = np.random.default_rng(0)
    drawn = [draw_style(generator) for _ in range(2000)]
    assert {style: drawn.count(style) / 2000 for style in STYLES} == pytest.approx(STYLES, abs=0.04)
    assert sum(STYLES.values()) == pytest.approx(1)
    assert draw_style(generator, without={"photo", "scan", "scene"}) == "digital"


@pytest.mark.parametrize("name", textures.FIELDS)
def test_texture_fields_are_normalized_and_varied(name):
    field = textures.field(name)
    assert field.shape == (textures.SIZE, textures.SIZE)
    assert abs(field.mean()) < 0.2
    assert 0.5 < field.std() < 1.05
    first, second = (
        textures.crop(np.random.default_rng(seed), name, (48, 64), scale=0.7) for seed in (0, 1)
    )
    assert first.shape == (48, 64)
    assert (first != second).any()


def test_white_noise_keeps_its_deviation():
    noise = textures.white(np.random.default_rng(0), (200, 300))
    assert noise.shape == (200, 300)
    assert noise.std() == pytest.approx(1, abs=0.02)


def test_light_stays_within_its_limits():
    for seed in range(20):
        generator = np.random.default_rng(seed)
        light = draw_light(
            Effects(generator, "photo", without=["mixed light"]), (60, 80), limits=(0.2, 1.1)
        )
        assert light.shape == (60, 80, 3)
        assert 0.2 <= light.min() <= light.max() <= np.float32(1.1)


def test_an_undistorted_page_is_not_resampled():
    warp = draw_warp(effects_of("photo"), (32, 48), 10.0)
    assert warp.maps is None
    array = np.arange(6).reshape(2, 3)
    assert warp.apply(array) is array


def test_a_camera_without_effects_only_rounds():
    image = np.random.default_rng(0).uniform(-0.1, 1.1, (20, 30, 3)).astype(np.float32)
    picture = camera.take_picture(effects_of("photo"), image, height=20, contrast=1, dark=False)
    np.testing.assert_array_equal(picture, np.rint(255 * np.clip(image, 0, 1)))


def test_scenes_differ():
    scenes = [draw_scene(effects_of("scene", seed=i), (48, 64)) for i in range(3)]
    assert all(scene.shape == (48, 64, 3) and scene.std() > 0.01 for scene in scenes)
    assert (scenes[0] != scenes[1]).any()


def test_contact_sheet_command(tmp_path, capsys):
    output = tmp_path / "sheet.png"
    pages.main(["--output", str(output), "--count", "5", "--size", "96", "--data", "digits"])
    assert "5 pages, " in capsys.readouterr().out
    # Two rows of four pairs, with two pixels around each.
    assert cv2.imread(str(output)).shape == (200, 4 * 196, 3)


def test_pages_of_equal_generators_are_equal(digits):
    glyphs = pages.Glyphs(*(array[:100] for array in digits.train))
    first, second = (pages.draw_page(np.random.default_rng(3), glyphs, (96, 128)) for _ in range(2))
    assert first.image.shape == (96, 128, 3)
    assert_equal(first, second)
    scene = pages.draw_page(
        np.random.default_rng(0), glyphs, (96, 128), without={"photo", "scan", "digital"}
    )
    assert not scene.digit_ink.any()
