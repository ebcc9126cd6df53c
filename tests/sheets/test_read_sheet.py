"""read_sheet: photos of forms that a program fills in with unseen digits."""

import io
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import mnistcnn
from benchmarks.data.filled_forms import PAGE_PIXELS_PER_MM, fill_form
from mnistcnn.sheets.frames import nominal_frames
from mnistcnn.sheets.layout import layout_of

COLUMNS = 12
slow = pytest.mark.slow


def by_box(reading):
    """Return the image of each box that was read, and the reason of each other one."""
    places = [(box.row - 1) * COLUMNS + box.column - 1 for box in reading.boxes]
    reasons = {(box.row - 1) * COLUMNS + box.column - 1: box.reason for box in reading.unreadable}
    return dict(zip(places, reading.images, strict=True)), reasons


def check_reading(reading, form, *, min_similarity=0.9):
    """Digits are read and similar to what was written; other boxes are rejected with the reason."""
    images, reasons = by_box(reading)
    assert sorted([*images, *reasons]) == list(range(len(form.contents)))
    assert [box.label for box in reading.boxes] == reading.labels.tolist()
    similarities = []
    for place, content in enumerate(form.contents):
        if content == "digit":
            assert place not in reasons, (place, reasons[place])
            written, read = (
                each.astype(float).ravel() for each in (form.images[place], images[place])
            )
            similarities.append(np.corrcoef(written, read)[0, 1])
        elif content == "too faint":
            assert reasons[place] in ("too faint", "empty")
        else:
            assert reasons[place] == content
    for box in reading.boxes:
        assert box.label == form.labels[(box.row - 1) * COLUMNS + box.column - 1]
    assert np.mean(similarities) > min_similarity


def test_a_scan(filled):
    check_reading(mnistcnn.read_sheet(filled.picture), filled, min_similarity=0.9)


@pytest.mark.parametrize("turn", [0, 1, pytest.param(2, marks=slow), pytest.param(3, marks=slow)])
def test_a_photo_in_perspective_and_shadow_at_any_turn(take_photo, filled, turn):
    photo = take_photo(seed=turn, turns=(turn,), shadow=0.6)
    check_reading(mnistcnn.read_sheet(photo), filled)


@pytest.mark.parametrize(
    ("megapixels", "seed"), [(1, 0), pytest.param(1, 1, marks=slow), pytest.param(5, 2, marks=slow)]
)
def test_photos_of_different_resolution(take_photo, filled, megapixels, seed):
    photo = take_photo(seed=seed, megapixels=megapixels)
    check_reading(mnistcnn.read_sheet(photo), filled, min_similarity=0.88)


@slow
@pytest.mark.parametrize("seed", range(2))
def test_photos_of_12_megapixels(take_photo, filled, seed):
    photo = take_photo(seed=seed, megapixels=12, turns=(seed,))
    check_reading(mnistcnn.read_sheet(photo), filled)


def test_bent_paper(take_photo, filled):
    photo = take_photo(seed=3, bend_mm=2.5, perspective=0)
    check_reading(mnistcnn.read_sheet(photo), filled)


def test_exif_orientation(take_photo, filled):
    with Image.open(io.BytesIO(take_photo())) as picture:
        exif = picture.getexif()
        exif[0x0112] = 6
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90, exif=exif)
    check_reading(mnistcnn.read_sheet(file.getvalue()), filled)


def test_several_pages_of_both_papers_in_one_call(print_form, take_photo, pen_digits, tmp_path):
    photos, forms = [], []
    for number, (paper, page) in enumerate([("a4", 2), ("letter", 3), ("a4", 2)]):
        generator = np.random.default_rng(number)
        contents = {"digit": 0.5, "empty": 0.5}
        form = fill_form(
            print_form(paper, page), layout_of(paper), page, pen_digits, generator,
            contents=contents,
        )  # fmt: skip
        photos.append(tmp_path / f"{number}.jpg")
        photos[-1].write_bytes(take_photo(seed=number, page=form.picture, paper=paper))
        forms.append(form)
    reading = mnistcnn.read_sheet(photos)
    pages = [(box.picture, box.page) for box in reading.boxes]
    assert sorted(set(pages)) == [(0, 2), (1, 3), (2, 2)]
    expected = np.concatenate([form.labels[np.array(form.contents) == "digit"] for form in forms])
    assert reading.labels.tolist() == expected.tolist()
    assert reading.reasons == {"empty": sum(form.contents.count("empty") for form in forms)}


def test_the_data_set_is_read_by_load_data(filled, tmp_path):
    reading = mnistcnn.read_sheet(filled.picture)
    reading.save("digits.npz")
    train, test = mnistcnn.load_data("digits.npz", test_size=0.25)
    assert len(train.images) + len(test.images) == len(reading.images)
    _, (images, labels) = mnistcnn.load_data("digits.npz", test_size=1.0)
    assert np.array_equal(images, reading.images)
    assert np.array_equal(labels, reading.labels)
    with np.load("digits.npz") as arrays:
        assert arrays["page"].tolist() == [1] * len(images)
        assert arrays["row"].tolist() == [box.row for box in reading.boxes]


def test_letters(print_form, pen_digits):
    """Digits stand for letters, which have labels of their own."""
    names = tuple("ABCDEFGHIJ")
    form = fill_form(
        print_form(class_names=names), layout_of("a4"), 1, pen_digits, np.random.default_rng(0)
    )
    reading = mnistcnn.read_sheet(form.picture, class_names=list(names))
    check_reading(reading, form)
    assert reading.class_names == names
    message = "picture must show a form with the classes of class_names; it was printed for others"
    with pytest.raises(ValueError, match=f"^{message}$"):
        mnistcnn.read_sheet(form.picture)


@pytest.mark.parametrize("from_photo", [False, pytest.param(True, marks=slow)])
def test_a_box_full_of_ink_is_not_empty(from_photo, print_form, take_photo, pen_digits):
    layout, generator = layout_of("a4"), np.random.default_rng(0)
    form = fill_form(print_form(), layout, 1, pen_digits, generator, contents={"empty": 1.0})
    page = form.picture.copy()
    frames = np.rint(nominal_frames(layout) * PAGE_PIXELS_PER_MM).astype(int)
    # Gray level, and the part of the box from the left that has it.
    fillings = [(0, 1.0), (0, 0.8), (0, 0.5), (100, 1.0), (170, 1.0)]
    for place, (level, part) in enumerate(fillings):
        left, top, right, bottom = frames[2 * place]
        page[top:bottom, left : left + round(part * (right - left))] = level
    picture = take_photo(page=page, shadow=0.5) if from_photo else page
    _, reasons = by_box(mnistcnn.read_sheet(picture))
    assert [reasons[2 * place] for place in range(len(fillings))] == ["blotted"] * len(fillings)
    assert [reasons[2 * place + 1] for place in range(len(fillings))] == ["empty"] * len(fillings)


def test_an_empty_form(print_form):
    reading = mnistcnn.read_sheet(print_form("letter"))
    assert reading.images.shape == (0, 28, 28)
    assert reading.reasons == {"empty": 156}
    with pytest.raises(ValueError, match="a data set must hold at least one image; no box could"):
        reading.save("digits.npz")
    assert not list(Path().iterdir())


def paint(page, corner, value):
    """Return a page with one corner covered, as by a thumb."""
    page = page.copy()
    side = 30 * PAGE_PIXELS_PER_MM
    rows = slice(0, side) if corner.startswith("top") else slice(-side, None)
    columns = slice(0, side) if corner.endswith("left") else slice(-side, None)
    page[rows, columns] = value
    return page


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom right", "bottom left"])
@pytest.mark.parametrize("turn", [0, 3])
def test_a_missing_mark_is_named_as_on_the_form(filled, corner, turn, tmp_path):
    page = np.rot90(paint(filled.picture, corner, 200), turn)
    path = tmp_path / "photo.png"
    Image.fromarray(page).resize((page.shape[1] // 3, page.shape[0] // 3)).save(path)
    message = (
        f"{path} must show the four corner marks of a form; the {corner} mark was not found: "
        "photograph the whole page, lying flat, with nothing on its corners"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mnistcnn.read_sheet(path)


def small(page):
    return cv2.resize(page, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)


def test_what_is_no_form_is_rejected(print_form, digits):
    page = small(print_form())
    other = small(print_form(page=2))
    letters = small(print_form(class_names=tuple("AB")))
    swapped = page.copy()
    swapped[:150, :130], swapped[-150:, :130] = page[-150:, :130], page[:150, :130]
    mixed = page.copy()
    mixed[:150] = other[:150]
    mixed_classes = page.copy()
    mixed_classes[:150] = letters[:150]
    two = np.concatenate([page, page], axis=1)
    tiny = cv2.resize(page, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    without_frames = page.copy()
    without_frames[170:1000] = 255
    cases = {
        "no form": (np.full((600, 400), 200, np.uint8), "must show the four corner marks of a form; none of them was found"),
        "a digit": (digits.test.images[0], "must show the four corner marks of a form; none of them was found"),
        "one mark": (page[:400, :300], "must show the four corner marks of a form; the top right, bottom right and bottom left marks were not found: photograph the whole page, lying flat, with nothing on its corners"),
        "swapped": (swapped, "must show the four corner marks of a form at its corners; they are in another order"),
        "two pages": (mixed, "must show one form; it shows marks of several"),
        "other classes": (mixed_classes, "must show one form; it shows marks of several"),
        "two forms": (two, "must show one form; it shows marks of several"),
        "tiny": (tiny, "must show each box with at least 24 pixels a side; they have 21: photograph the page from nearby, at full resolution"),
        "no frames": (without_frames, "must show the frames of at least half of the boxes; 0 of 168 were found: photograph the page lying flat, in focus and from above"),
    }  # fmt: skip
    for picture, message in cases.values():
        with pytest.raises(ValueError, match=f"^picture {re.escape(message)}$"):
            mnistcnn.read_sheet(picture)


def test_invalid_pictures():
    with pytest.raises(ValueError, match="pictures must hold at least one picture; received none"):
        mnistcnn.read_sheet([])
    with pytest.raises(
        TypeError, match="picture must be a path, bytes, a binary file, a PIL image"
    ):
        mnistcnn.read_sheet([3])
    with pytest.raises(FileNotFoundError):
        mnistcnn.read_sheet("none.jpg")
    Path("text.jpg").write_text("no picture")
    with pytest.raises(mnistcnn.CorruptFileError, match=r"text\.jpg must be an image"):
        mnistcnn.read_sheet(["text.jpg"])


@slow
@pytest.mark.parametrize("seed", range(3))
def test_noise_and_random_marks_are_rejected_in_time(seed):
    """Hostile pictures of the largest size end in an error, not in hours or in another error."""
    generator = np.random.default_rng(seed)
    side = 3464
    if seed == 0:
        picture = generator.integers(0, 256, (side, side), np.uint8)
    elif seed == 1:
        picture = np.indices((side, side)).sum(0).astype(np.uint8) // 8 % 2 * 255
    else:
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_6X6_1000)
        picture = np.full((side, side), 255, np.uint8)
        for number in range(1000):
            row, column = divmod(number, 32)
            mark = dictionary.generateImageMarker(number, 80)
            picture[row * 105 + 12 :, column * 105 + 12 :][:80, :80] = mark
    started = time.process_time()
    with pytest.raises(ValueError, match="picture must show"):
        mnistcnn.read_sheet(picture)
    assert time.process_time() - started < 20
