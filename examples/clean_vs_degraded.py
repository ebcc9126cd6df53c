"""
Clean or degraded images: which weights to use
==============================================

The package ships two sets of weights: ``best`` for clean images in the format of MNIST, and
``robust`` for images that may be noisy, pale or slanted. This example compares their accuracy on
the same digits with increasing noise.
"""

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnistcnn

NOISE_LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
COLORS = {"best": "#0072B2", "robust": "#D55E00"}

# %%
# Add noise
# ---------
# Gaussian noise is added to every pixel. The noise level is its standard deviation, for pixels in
# [0, 1].

_, (images, labels) = mnistcnn.load_data("digits")
generator = np.random.default_rng(0)
clean = images / 255
noise = generator.standard_normal(images.shape)
degraded = {level: np.clip(clean + level * noise, 0, 1) for level in NOISE_LEVELS}

samples = Figure(figsize=(8, 1.7), layout="constrained")
all_axes = samples.subplots(1, len(NOISE_LEVELS))
for (level, noisy), axes in zip(degraded.items(), all_axes, strict=True):
    axes.imshow(noisy[0], cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(f"{level}", fontsize=9)
    axes.axis("off")
samples.savefig("samples.png")

# %%
# Compare the accuracy
# --------------------

figure = Figure(figsize=(7, 3.6), layout="constrained")
axes = figure.subplots()
for name, color in COLORS.items():
    recognizer = mnistcnn.Recognizer(name)
    accuracies = [(recognizer.predict(noisy) == labels).mean() for noisy in degraded.values()]
    axes.plot(NOISE_LEVELS, accuracies, "o-", color=color, label=name)
    print(f"{name:>6}: " + "  ".join(f"{accuracy:.0%}" for accuracy in accuracies))
axes.set_xlabel("Noise level")
axes.set_ylabel("Accuracy")
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("noise.png")
