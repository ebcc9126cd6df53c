"""Data sets in CSV files: plain, gzipped and zipped; one file, or a training and a test file."""

import gzip
import zipfile

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from tests.helpers.http_server import datasets_equal

PIXELS = [f"pixel{i}" for i in range(784)]


def csv(split, *, labels=True, names=("label", *PIXELS)):
    columns = [split.images.reshape(-1, 784)]
    if labels:
        columns.insert(0, split.labels[:, None])
    lines = [names if labels else names[1:], *np.hstack(columns).tolist()]
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


def write(path, content):
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".gz":
        content = gzip.compress(content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem, content)
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.csv.zip"])
def test_one_file_is_split(name, digits, tmp_path):
    path = write(tmp_path / name, csv(digits.train))
    (x_train, y_train), (x_test, y_test) = load_data(path, test_size=0.25)
    assert (len(x_train), len(x_test)) == (1082, 360)
    images = {image.tobytes(): label for image, label in zip(*digits.train, strict=True)}
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert [images[image.tobytes()] for image in x] == y.tolist()
    again = load_data(path, test_size=0.25)
    assert np.array_equal(again.test.images, x_test)
    other = load_data(path, test_size=0.25, seed=1)
    assert not np.array_equal(other.test.labels, y_test)


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.csv.zip"])
def test_one_file_needs_a_test_set(name, digits, tmp_path):
    path = write(tmp_path / name, csv(digits.test))
    with pytest.raises(ValueError, match="holds one set of images, so load_data needs test_size"):
        load_data(path)
    with pytest.raises(ValueError, match="test_size must select an image of 355; received 0.001"):
        load_data(path, test_size=0.001)


@pytest.mark.parametrize("end", ["csv", "csv.gz"])
def test_a_training_and_a_test_file(end, tiny, tmp_path):
    train = write(tmp_path / f"mnist_train.{end}", csv(tiny.train))
    test = write(tmp_path / f"mnist_test.{end}", csv(tiny.test))
    assert datasets_equal(load_data(train, test=test), tiny)
    assert datasets_equal(load_data(tmp_path), tiny)


def test_a_zip_archive_of_both(tiny, tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mnist/mnist_test.csv", csv(tiny.test))
        archive.writestr("mnist/mnist_train.csv", csv(tiny.train))
        archive.writestr("mnist/sample_submission.csv", "ImageId,Label\n1,0\n")
    assert datasets_equal(load_data(tmp_path / "archive.zip"), tiny)


def test_the_files_of_the_competition(tiny, tmp_path):
    """Its test set has no labels, so a part of the training set is for testing."""
    with zipfile.ZipFile(tmp_path / "digit-recognizer.zip", "w") as archive:
        archive.writestr("train.csv", csv(tiny.train))
        archive.writestr("test.csv", csv(tiny.test, labels=False))
        archive.writestr("sample_submission.csv", "ImageId,Label\n1,0\n")
    with pytest.raises(ValueError, match="holds a train set only, so load_data needs test_size"):
        load_data(tmp_path / "digit-recognizer.zip")
    train, test = load_data(tmp_path / "digit-recognizer.zip", test_size=0.5)
    assert len(train.labels) == len(test.labels) == 4


def test_a_file_without_labels_is_rejected_with_a_way_out(tiny, tmp_path):
    path = write(tmp_path / "test.csv", csv(tiny.test, labels=False))
    message = r"test.csv is not a valid CSV file: it must have a column of labels; it has 784 columns of pixels only. To classify its images, pass them to preprocess: preprocess\(pandas.read_csv\(path\)\)"
    with pytest.raises(CorruptFileError, match=message):
        load_data(path, test_size=0.5)
    with pytest.raises(CorruptFileError, match=message):
        load_data(tmp_path, test_size=0.5)


def test_emnist_in_csv_is_transposed(tiny, tmp_path):
    flipped = [
        s._replace(images=s.images.transpose(0, 2, 1), labels=s.labels % 3 + 1) for s in tiny
    ]
    train = write(tmp_path / "emnist-letters-train.csv", csv(flipped[0]))
    test = write(tmp_path / "emnist-letters-test.csv", csv(flipped[1]))
    for dataset in (load_data(train, test=test), load_data(tmp_path)):
        assert np.array_equal(dataset.train.images, tiny.train.images)
        assert np.array_equal(dataset.train.labels, tiny.train.labels % 3)
        assert dataset.class_names[:3] == ("A", "B", "C")


def test_names_of_clothes(tiny, tmp_path):
    write(tmp_path / "fashion-mnist_train.csv", csv(tiny.train))
    write(tmp_path / "fashion-mnist_test.csv", csv(tiny.test))
    assert load_data(tmp_path).class_names[9] == "Ankle boot"


def test_files_of_several_data_sets_are_listed(tiny, tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, csv(tiny.train))
    message = r"must hold one CSV file, or a train and a test file; it holds 'a.csv', 'b.csv'. Pass the path of one"
    with pytest.raises(ValueError, match=message):
        load_data(tmp_path)
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.write(tmp_path / "a.csv", "a.csv")
        archive.write(tmp_path / "b.csv", "b.csv")
    with pytest.raises(ValueError, match=message) as error:
        load_data(tmp_path / "both.zip")
    assert not isinstance(error.value, CorruptFileError)


def test_pictures_beside_a_table_are_not_the_data_set(tiny, tmp_path):
    write(tmp_path / "train.csv", csv(tiny.train))
    (tmp_path / "plots").mkdir()
    Image.fromarray(tiny.train.images[0]).save(tmp_path / "plots/example.png")
    train, test = load_data(tmp_path, test_size=0.5)
    assert len(train.labels) + len(test.labels) == len(tiny.train.labels)


def test_tables_of_other_data_are_no_data_set(tmp_path):
    (tmp_path / "prices.csv").write_text("day,price\n1,2\n")
    with pytest.raises(DataUnavailableError, match="it holds 1 file, none of these"):
        load_data(tmp_path)
    with pytest.raises(CorruptFileError, match="its first line has 2 columns"):
        load_data(tmp_path / "prices.csv")


def test_a_damaged_file_of_two_is_named(tiny, tmp_path):
    write(tmp_path / "train.csv", csv(tiny.train))
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(csv(tiny.test))[:-100])
    with pytest.raises(CorruptFileError, match=r"test\.csv\.gz is not a valid CSV file"):
        load_data(tmp_path)


def test_a_column_of_invalid_labels_is_reported_with_its_row(tiny, tmp_path):
    content = csv(tiny.train).decode().splitlines()
    content[3] = "-2" + content[3][1:]
    path = write(tmp_path / "a.csv", "\n".join(content).encode())
    message = r"a.csv is not a data set of images: the labels must be integers in 0\.\.\.255; received -2 in row 3"
    with pytest.raises(CorruptFileError, match=message):
        load_data(path, test_size=0.5)
