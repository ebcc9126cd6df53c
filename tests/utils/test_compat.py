"""Workarounds for other libraries."""

import io

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.backend import keras
from mnistcnn.images.image_io import read_image
from mnistcnn.utils.compat import (
    TENSORFLOW_STARTUP_LOG,
    flatten_layers,
    get_initial_epoch,
    set_initial_epoch,
)


def test_the_pattern_matches_tensorflows_start_up_log():
    for line in (
        b"I0000 00:00:1795414190.481260    2122 port.cc:153] oneDNN custom operations are on.",
        b"E0000 00:00:1795414197.707885    2122 cuda_platform.cc:52] failed call to cuInit",
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        b"2026-01-01 14:44:05.157831: I external/local_xla/xla/tsl/cuda/cudart_stub.cc:32] Could",
    ):
        assert TENSORFLOW_STARTUP_LOG.match(line)
    for line in (b"Traceback (most recent call last):", b"WARNING: low disk space", b"IndexError"):
        assert not TENSORFLOW_STARTUP_LOG.match(line)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_damaged_tiff_files_print_nothing(compression, capfd):
    buffer = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))
    image = image.convert("1") if compression == "group4" else image
    image.save(buffer, "TIFF", compression=compression)
    rejected = 0
    for offset in range(8, 60, 3):
        content = bytearray(buffer.getvalue())
        content[offset : offset + 3] = b"\xff\x00\xff"
        try:
            read_image(bytes(content))
        except CorruptFileError:
            rejected += 1
    assert rejected or compression == "group4"  # libtiff decodes it with warnings
    assert capfd.readouterr() == ("", "")


def test_flatten_layers_includes_nested_layers():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    outer = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dropout(0.1, name="dropout")])
    assert {"dense", "dropout"} <= {layer.name for layer in flatten_layers(outer)}


def test_fit_starts_at_the_initial_epoch_that_a_callback_sets():
    class Resume(keras.callbacks.Callback):
        epochs = ()

        def on_train_begin(self, logs=None):
            set_initial_epoch(self.model, 2)

        def on_epoch_begin(self, epoch, logs=None):
            self.epochs += (epoch,)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    assert get_initial_epoch(model) is None
    model.compile("sgd", "mse")
    callback = Resume()
    model.fit(np.zeros((1, 1)), np.zeros((1, 1)), epochs=4, callbacks=[callback], verbose=0)
    assert callback.epochs == (2, 3)
