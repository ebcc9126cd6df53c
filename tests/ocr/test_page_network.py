"""The page network runs on images of any size; the first tests use random weights."""

import pickle

import numpy as np
import pytest

from mnistcnn import CorruptFileError, Recognizer
from mnistcnn.ocr import page_network
from mnistcnn.ocr.page_network import PageNetwork, to_page_maps
from mnistcnn.weights.arrays import PAGE_NETWORK_WEIGHT_SHAPES
from mnistcnn.weights.manifest import FORMAT, Manifest
from mnistcnn.weights.pretrained import FOLDER, PAGE_NETWORK, PretrainedWeights, read_pretrained
from tests.helpers.models import page_network_forward, random_weights

SUFFIXES = ("json", "safetensors")
WEIGHTS = random_weights(1, 0.05, PAGE_NETWORK_WEIGHT_SHAPES)


@pytest.fixture
def network(monkeypatch):
    arrays = dict(zip(PAGE_NETWORK_WEIGHT_SHAPES, WEIGHTS, strict=True))
    manifest = Manifest(
        format=FORMAT, name="page_network", file="page_network.safetensors", sha256="0" * 64,
        temperature=1.0, recipe={}, seed=0, command="-", commit="-",
        versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1"),
        data={"name": "none", "images": 1, "sha256": "0" * 64}, metrics={},
    )  # fmt: skip
    loaded = PretrainedWeights(manifest, arrays)
    monkeypatch.setattr(page_network, "load_page_network_weights", lambda: loaded)
    return PageNetwork(1)


@pytest.mark.parametrize("shape", [(1, 1), (32, 64), (45, 70)])
def test_images_are_padded_with_their_edge(shape, network):
    image = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    maps = network(image)
    padded = np.pad(image, [(0, -shape[0] % 32), (0, -shape[1] % 32), (0, 0)], mode="edge")
    ink, digits = page_network_forward(WEIGHTS, padded)
    cells = tuple(-(-side // 4) for side in shape)
    np.testing.assert_allclose(maps.digit_ink, ink[0, : shape[0], : shape[1]], atol=1e-5)
    np.testing.assert_allclose(maps.other_ink, ink[1, : shape[0], : shape[1]], atol=1e-5)
    expected = to_page_maps(ink, digits[:, : cells[0], : cells[1]])
    for name in ("centers", "offsets", "sizes", "class_logits"):
        actual = getattr(maps, name)
        assert actual.shape[-2:] == cells
        np.testing.assert_allclose(actual, getattr(expected, name), rtol=1e-3, atol=1e-3)


def test_raw_outputs_are_converted():
    digits = np.zeros((14, 1, 2), np.float32)
    digits[0] = [[0, 1000]]
    digits[1:3, 0, 0] = 0.5, -0.25
    digits[3] = [[np.log(2), 1000]]
    digits[4:] = np.arange(10)[:, np.newaxis, np.newaxis]
    maps = to_page_maps(np.zeros((2, 4, 8), np.float32), digits)
    np.testing.assert_allclose(maps.centers, [[0.5, 1]])
    np.testing.assert_allclose(maps.sizes, [[64, 2000]])
    np.testing.assert_allclose(maps.offsets[:, 0, 0], [32, -16], rtol=1e-6)
    assert maps.class_logits[:, 0, 1].tolist() == list(range(10))


def test_pickle(network):
    image = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    copy = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(copy(image).digit_ink, network(image).digit_ink)
    assert copy._session.get_session_options().intra_op_num_threads == 1


def test_a_pickled_recognizer_gives_the_same_reading(recognizer, page):
    expected = recognizer.read(page.picture).to_dict()
    copy = pickle.loads(pickle.dumps(recognizer))
    assert copy.read(page.picture).to_dict() == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_file(shipped_files, suffix, page):
    (shipped_files / f"{PAGE_NETWORK}.{suffix}").unlink()
    recognizer = Recognizer()
    with pytest.raises(FileNotFoundError, match=f"{PAGE_NETWORK}.{suffix}"):
        recognizer.read(page.picture)
    assert recognizer.predict_proba(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_corrupt_file(shipped_files, suffix, page):
    path = shipped_files / f"{PAGE_NETWORK}.{suffix}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"{PAGE_NETWORK}.{suffix}: "):
        Recognizer().read(page.picture)


def test_weights_of_classifier_and_page_network_are_not_interchangeable(shipped_files):
    with pytest.raises(CorruptFileError, match=r"best.safetensors: the file must"):
        read_pretrained(shipped_files, "best", PAGE_NETWORK_WEIGHT_SHAPES)
    with pytest.raises(CorruptFileError, match=f"{PAGE_NETWORK}.safetensors must hold at most"):
        read_pretrained(shipped_files, PAGE_NETWORK)


def test_files_are_small():
    sizes = [(FOLDER / f"{PAGE_NETWORK}.{suffix}").stat().st_size for suffix in SUFFIXES]
    assert sum(sizes) < 1_500_000
