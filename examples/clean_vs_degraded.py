"""
Clean or damaged: which weights to take
=======================================

Two sets of weights come with the package. ``best`` is for digits that lie as MNIST's do,
``robust`` for images that may be noisy, pale or slanted. Here both read the same digits under
more and more noise.
"""

# sphinx_gallery_thumbnail_number = 2

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnistcnn

NOISE = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
COLOURS = {"best": "#0072B2", "robust": "#D55E00"}

# %%
# Spoil the images
# ----------------
# Gaussian noise of a given strength on every pixel; 1 is the way from paper to ink.

_, (images, labels) = mnistcnn.load_data("digits")
generator = np.random.default_rng(0)
clean = images / 255
grain = generator.standard_normal(images.shape)
spoiled = {strength: np.clip(clean + strength * grain, 0, 1) for strength in NOISE}

samples = Figure(figsize=(8, 1.7), layout="constrained")
for (strength, noisy), axes in zip(spoiled.items(), samples.subplots(1, len(NOISE)), strict=True):
    axes.imshow(noisy[0], cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(f"{strength}", fontsize=9)
    axes.axis("off")
samples.savefig("samples.png")

# %%
# Let both read them
# ------------------

figure = Figure(figsize=(7, 3.6), layout="constrained")
axes = figure.subplots()
for name, colour in COLOURS.items():
    recognizer = mnistcnn.Recognizer(name)
    accuracies = [(recognizer.predict(noisy) == labels).mean() for noisy in spoiled.values()]
    axes.plot(NOISE, accuracies, "o-", color=colour, label=name)
    print(f"{name:>6}: " + "  ".join(f"{accuracy:.0%}" for accuracy in accuracies))
axes.set_xlabel("Noise")
axes.set_ylabel("Accuracy")
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("noise.png")
