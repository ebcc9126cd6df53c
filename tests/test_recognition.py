"""The network without Keras: the same answers, from any file, thread or process."""

import subprocess
import sys


def loaded_by(statement):
    code = f"import sys, numpy as np, mnistcnn; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_images_need_no_opencv():
    loaded = loaded_by("mnistcnn.Recognizer().predict(np.zeros((28, 28), np.uint8))")
    assert "onnxruntime" in loaded
    assert not loaded & {"cv2", "h5py", "sklearn", "matplotlib"}
