"""Class folders of pictures, and malicious ones."""

import contextlib
import itertools
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data.description import describe_file
from mnistcnn.data.formats import file_sets
from mnistcnn.data.formats.image_folder import find_pictures


def write_pictures(folder, split, *, invert=False, suffix="png", names=str, size=None):
    for index, (image, label) in enumerate(zip(*split, strict=True)):
        path = folder / names(label) / f"{index}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(255 - image if invert else image)
        (picture.resize(size, Image.Resampling.BICUBIC) if size else picture).save(path)
    return folder


def sorted_pairs(split):
    return sorted((image.tobytes(), int(label)) for image, label in zip(*split, strict=True))


@pytest.fixture
def few(digits):
    return type(digits.train)(digits.train.images[:30], digits.train.labels[:30])


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("suffix", ["png", "bmp", "PNG", "tif", "pgm"])
def test_pictures_of_28_pixels_are_taken_as_they_are(suffix, invert, few, tmp_path):
    write_pictures(tmp_path / "data", few, invert=invert, suffix=suffix)
    train, test = load_data(tmp_path / "data", test_size=0.3)
    assert len(test.labels) == 9
    both = sorted_pairs(train) + sorted_pairs(test)
    assert sorted(both) == sorted_pairs(few)
    again = load_data(tmp_path / "data", test_size=0.3)
    assert np.array_equal(again.train.images, train.images)


def test_pictures_are_shuffled_reproducibly(few, tmp_path):
    """Otherwise, those for validation, which are the last ones, would be of the last classes."""
    write_pictures(tmp_path / "train", few)
    write_pictures(tmp_path / "test", few)
    labels = load_data(tmp_path).train.labels
    assert sorted(labels) == sorted(few.labels)
    assert labels.tolist() != sorted(labels)
    assert np.array_equal(load_data(tmp_path).train.labels, labels)
    assert not np.array_equal(load_data(tmp_path, seed=1).train.labels, labels)


@pytest.mark.parametrize(
    "parts", [("train", "test"), ("training", "testing"), ("mnist_png/train", "mnist_png/test"), ("Train", "Test")]
)  # fmt: skip
def test_a_folder_for_each_part(parts, tiny, tmp_path):
    for part, split in zip(parts, tiny, strict=True):
        write_pictures(tmp_path / "data" / part, split)
    (tmp_path / "data/val/3").mkdir(parents=True)
    shutil.copy(next((tmp_path / "data").rglob("*.png")), tmp_path / "data/val/3/a.png")
    dataset = load_data(tmp_path / "data")
    assert [sorted_pairs(split) for split in dataset] == [sorted_pairs(split) for split in tiny]
    assert dataset.class_names == tuple("0123456789")


def test_separate_paths_for_training_and_test(tiny, tmp_path):
    for part, split in zip("ab", tiny, strict=True):
        write_pictures(tmp_path / part, split)
    dataset = load_data(tmp_path / "a", test=tmp_path / "b")
    assert [sorted_pairs(split) for split in dataset] == [sorted_pairs(split) for split in tiny]


def test_names_of_classes(few, tmp_path):
    letters = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    write_pictures(tmp_path, few, names=lambda label: letters[label])
    dataset = load_data(tmp_path, test_size=0.5)
    assert dataset.class_names == tuple(sorted(letters))
    named = [
        (image.tobytes(), dataset.class_names[label])
        for split in dataset
        for image, label in zip(*split, strict=True)
    ]
    expected = [(image.tobytes(), letters[label]) for image, label in zip(*few, strict=True)]
    assert sorted(named) == sorted(expected)


def test_classes_of_two_folders_are_numbered_alike(digits, tmp_path):
    images, labels = digits.train
    for folder, wanted in (("a", [1, 2, 3]), ("b", [2, 3, 4])):
        chosen = np.isin(labels, wanted)
        split = type(digits.train)(images[chosen][:20], labels[chosen][:20])
        write_pictures(tmp_path / folder, split, names=lambda label: f"class {label}")
    train, test = dataset = load_data(tmp_path / "a", test=tmp_path / "b")
    assert dataset.class_names == ("class 1", "class 2", "class 3", "class 4")
    assert set(train.labels.tolist()) == {0, 1, 2}
    assert set(test.labels.tolist()) == {1, 2, 3}


def test_pictures_of_other_sizes_are_normalized(legible_digits, recognizer, tmp_path):
    few = type(legible_digits)(legible_digits.images[:20], legible_digits.labels[:20])
    write_pictures(tmp_path, few, invert=True, suffix="jpg", size=(90, 80))
    train, test = load_data(tmp_path, test_size=0.5)
    for images, labels in (train, test):
        assert (recognizer.predict(images) == labels).mean() >= 0.9
        assert np.median(images) == 0


def test_other_files_are_ignored(few, tmp_path):
    write_pictures(tmp_path, few)
    (tmp_path / "README.txt").write_text("my digits")
    (tmp_path / "preview.png").write_bytes(b"not in the folder of a class")
    (tmp_path / "3/.DS_Store").write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("name,label\n0.png,1\n")
    train, test = load_data(tmp_path, test_size=0.5)
    assert len(train.labels) + len(test.labels) == 30


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # The test set of a competition has no labels.
        (["train/0/1.png", "train/1/2.png", "test/3.png"], [("train", "0"), ("train", "1")]),
        # The names of "MNIST as .jpg" on Kaggle.
        (
            ["trainingSet/trainingSet/4/1.jpg", "trainingSample/trainingSample/4/1.jpg",
             "trainingSet/trainingSet/5/2.jpg", "testSet/testSet/img_1.jpg"],
            [("train", "4"), ("train", "5")],
        ),
        (["train/images/0/1.png", "test_set/images/1/2.png"], [("train", "0"), ("test", "1")]),
        (["mine/plot.png", "mine/7/1.png", "mine/8/2.png"], [("all", "7"), ("all", "8")]),
        (["plot.png", "mine/7/1.png", "mine/8/2.png"], [("all", "7"), ("all", "8")]),
        # Vehicles, one class of which is named like a part.
        (["plane/1.png", "train/2.png"], [("all", "plane"), ("all", "train")]),
    ],
)  # fmt: skip
def test_names_of_folders(names, expected):
    assert [tuple(picture)[1:] for picture in find_pictures(names)] == expected


def test_pictures_that_are_left_out_are_counted(tiny, tmp_path):
    write_pictures(tmp_path / "train", tiny.train)
    (tmp_path / "test").mkdir()
    Image.fromarray(tiny.test.images[0]).save(tmp_path / "test/1.png")
    Image.fromarray(tiny.test.images[0]).save(tmp_path / "preview.png")
    assert set(load_data(tmp_path, test_size=0.5).train.labels) <= set(tiny.train.labels)
    notes = describe_file(tmp_path).notes
    assert (
        "2 pictures are left out: they are for validation or not in the folder of a class" in notes
    )


def test_find_pictures():
    names = [
        "a/train/cat/1.png",
        "a/train/cat/deep/2.jpg",
        "a/test/dog/3.png",
        "a/valid/dog/4.png",
        "a/x.txt",
    ]
    assert [tuple(picture)[1:] for picture in find_pictures(names)] == [
        ("train", "cat"), ("train", "cat"), ("test", "dog")
    ]  # fmt: skip
    assert [tuple(picture)[1:] for picture in find_pictures(["7/1.png", "8/2.png"])] == [
        ("all", "7"), ("all", "8")
    ]  # fmt: skip
    assert [picture.class_name for picture in find_pictures(["mine/7/1.png", "mine/7/2.png"])] == [
        "7",
        "7",
    ]
    assert find_pictures(["a.png", "b.png"]) == []


def test_pictures_without_folders_of_classes(few, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(
        DataUnavailableError,
        match="or a folder of images for each class; it holds 1 file, none of these",
    ):
        load_data(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut"])
def test_a_damaged_picture_is_named(content, few, tmp_path):
    write_pictures(tmp_path, few)
    (tmp_path / "5/bad.png").write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"5/bad\.png must be an? (undamaged )?image"):
        load_data(tmp_path, test_size=0.5)


def test_an_archive_of_pictures_must_be_unpacked(few, tmp_path):
    write_pictures(tmp_path / "data", few)
    path = shutil.make_archive(tmp_path / "a", "zip", tmp_path / "data")
    with pytest.raises(
        CorruptFileError, match=r"a\.zip is an archive of pictures: unpack it first"
    ):
        load_data(path)


def test_progress_is_shown_if_verbose(few, tmp_path, capsys):
    write_pictures(tmp_path, few)
    load_data(tmp_path, test_size=0.5, verbose=0)
    assert capsys.readouterr() == ("", "")
    load_data(tmp_path, test_size=0.5, verbose=1)
    assert capsys.readouterr().out == ""


# Malicious folders


def test_a_link_out_of_the_folder_is_not_followed(few, tmp_path):
    write_pictures(tmp_path / "data", few)
    secret = tmp_path / "secret.png"
    Image.fromarray(few.images[0]).save(secret)
    (tmp_path / "data/5/link.png").symlink_to(secret)
    message = (
        r"data/5/link\.png must not be a link to a folder or out of \S+data: replace it by a copy"
    )
    with pytest.raises(CorruptFileError, match=message):
        load_data(tmp_path / "data", test_size=0.5)


def test_a_link_to_a_folder_is_not_followed(few, tmp_path):
    write_pictures(tmp_path / "data", few)
    (tmp_path / "data/loop").symlink_to(".")
    with pytest.raises(CorruptFileError, match=r"data/loop must not be a link to a folder"):
        load_data(tmp_path / "data", test_size=0.5)


def test_a_link_that_appears_after_the_folder_was_listed_is_not_followed(few, tmp_path):
    write_pictures(tmp_path / "data", few)
    files = file_sets.FolderFiles(tmp_path / "data")
    name = next(name for name in files.names if name.startswith("5/"))
    (tmp_path / "data" / name).unlink()
    (tmp_path / "data" / name).symlink_to("/etc/hostname")
    with pytest.raises(CorruptFileError, match="must not be a link"), files.open(name):
        pass


def test_special_files_are_not_read(few, tmp_path):
    write_pictures(tmp_path, few)
    os.mkfifo(tmp_path / "5/a.png")
    train, test = load_data(tmp_path, test_size=0.5)
    assert len(train.labels) + len(test.labels) == 30


def test_too_many_files_are_rejected(few, tmp_path, monkeypatch):
    write_pictures(tmp_path, few)
    monkeypatch.setattr(file_sets, "MAX_FILES", 20)
    with pytest.raises(CorruptFileError, match="must hold at most 20 files; it holds more"):
        load_data(tmp_path, test_size=0.5)


def test_an_endless_folder_is_rejected(tmp_path, monkeypatch):
    """Its files are counted while they are listed."""
    (tmp_path / "a.png").touch()
    with os.scandir(tmp_path) as entries:
        (entry,) = entries
    endless = contextlib.nullcontext(itertools.repeat(entry))
    monkeypatch.setattr(os, "scandir", lambda path: endless)
    with pytest.raises(CorruptFileError, match="must hold at most 500,000 files; it holds more"):
        load_data(tmp_path)


def test_too_many_classes_are_rejected(few, tmp_path):
    for number in range(257):
        (tmp_path / f"class {number}").mkdir()
        Image.fromarray(few.images[0]).save(tmp_path / f"class {number}/a.png")
    with pytest.raises(
        CorruptFileError, match="must hold at most 256 classes; it holds 257 folders of pictures"
    ):
        load_data(tmp_path, test_size=0.5)


def test_the_name_of_a_class_does_not_control_the_terminal(few, tmp_path):
    write_pictures(tmp_path, few, names=lambda label: f"\x1b[2J{label}")
    names = load_data(tmp_path, test_size=0.5).class_names
    assert names[0] == r"\x1b[2J0"


def test_a_large_file_is_rejected(few, tmp_path):
    write_pictures(tmp_path, few)
    (tmp_path / "5/a.png").touch()
    os.truncate(tmp_path / "5/a.png", 10 << 30)
    with pytest.raises(
        CorruptFileError,
        match=r"5/a\.png must hold at most 67,108,864 bytes; it holds 10,737,418,240",
    ):
        load_data(tmp_path, test_size=0.5)
