"""
Inference with ONNX Runtime
===========================

The network is exported to an ONNX file, which ONNX Runtime runs on its own: on a phone, on a
server, or from another programming language.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from matplotlib.figure import Figure

import mnistcnn

# %%
# Export the network
# ------------------
# The file is saved only if ONNX Runtime and Keras return equal results for it.

path = mnistcnn.export_model(mnistcnn.load_pretrained(), "digits.onnx")
print(f"{path}: {Path(path).stat().st_size / 1024:.0f} KiB")

# %%
# Run it
# ------
# This part requires neither Keras nor this package. The input is an array of pixels in [0, 1], the
# output the probabilities of the ten digits.

_, (images, labels) = mnistcnn.load_data("digits")
x = np.float32(images / 255)[..., np.newaxis]

session = onnxruntime.InferenceSession(path)
(probabilities,) = session.run(["probabilities"], {"images": x})
print(f"accuracy: {(probabilities.argmax(axis=1) == labels).mean():.1%}")

# %%
# Class probabilities
# -------------------
# The image with the lowest confidence.

index = probabilities.max(axis=1).argmin()
figure = Figure(figsize=(7, 2.8), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 2))
left.imshow(images[index], cmap="gray_r")
left.set_title(f"label: {labels[index]}")
left.axis("off")
right.bar(range(10), probabilities[index], color="#0072B2")
right.set_xticks(range(10))
right.set_ylim(0, 1)
right.set_xlabel("Digit")
right.set_ylabel("Probability")
figure.savefig("class_probabilities.png")
