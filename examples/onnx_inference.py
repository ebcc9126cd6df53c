"""
Run the network without Keras
=============================

The network is written as an ONNX file, and then run by ONNX Runtime alone: what a phone, a server
or a program in another language would do.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from matplotlib.figure import Figure

import mnistcnn

# %%
# Write the file
# --------------
# It appears only if ONNX Runtime gives what Keras gives.

path = mnistcnn.export_model(mnistcnn.load_pretrained(), "digits.onnx")
print(f"{path}: {Path(path).stat().st_size / 1024:.0f} KiB")

# %%
# Run it
# ------
# From here on neither Keras nor this package is needed: an array of pixels in 0…1 goes in, ten
# probabilities come out.

_, (images, labels) = mnistcnn.load_data("digits")
x = np.float32(images / 255)[..., np.newaxis]

session = onnxruntime.InferenceSession(path)
(probabilities,) = session.run(["probabilities"], {"images": x})
print(f"{(probabilities.argmax(axis=1) == labels).mean():.1%} right")

# %%
# One digit and its ten probabilities
# -----------------------------------
# The image that the network is least sure of.

index = probabilities.max(axis=1).argmin()
figure = Figure(figsize=(7, 2.8), layout="constrained")
picture, bars = figure.subplots(1, 2, width_ratios=(1, 2))
picture.imshow(images[index], cmap="gray_r")
picture.set_title(f"labelled {labels[index]}")
picture.axis("off")
bars.bar(range(10), probabilities[index], color="#0072B2")
bars.set_xticks(range(10))
bars.set_ylim(0, 1)
bars.set_xlabel("Digit")
bars.set_ylabel("Probability")
figure.savefig("one_digit.png")
