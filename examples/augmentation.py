"""
Data augmentation: random translation
=====================================

A network that was trained on centered digits misclassifies digits that are off-center by a few
pixels. Random translation of the training images, different in each epoch, makes the network
robust to this.
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnistcnn
from mnistcnn import recipes

# %%
# Two recipes
# -----------
# The recipes differ in one setting: the second one translates each training image by up to 4 pixels
# in both directions.

plain = replace(recipes.FAST, name="plain", epochs=10)
augmented = replace(plain, name="augmented", augmentation=recipes.Augmentation(translation=4))

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
x, y = mnistcnn.preprocess(x_train, y_train)

# %%
# Train with each recipe
# ----------------------
# The test images are translated to the right by 0 to 6 pixels. Pixels that leave the image are
# lost.

TRANSLATIONS = range(7)
translated = [np.pad(x_test, ((0, 0), (0, 0), (dx, 0)))[:, :, :28] for dx in TRANSLATIONS]
accuracies = {}
for recipe in (plain, augmented):
    model = mnistcnn.build_model(seed=0)
    mnistcnn.train(model, x, y, recipe=recipe, seed=0, verbose=0)
    accuracies[recipe.name] = [
        mnistcnn.evaluate(model, *mnistcnn.preprocess(images, y_test)).accuracy
        for images in translated
    ]
    print(f"{recipe.name:>9}: " + "  ".join(f"{value:.0%}" for value in accuracies[recipe.name]))

# %%
# Compare the accuracy
# --------------------

figure = Figure(figsize=(7, 4.6), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=(1, 3))
for images, axes in zip(translated, top.subplots(1, len(TRANSLATIONS)), strict=True):
    axes.imshow(images[0], cmap="gray_r")
    axes.set(xticks=[], yticks=[])
axes = bottom.subplots()
for (name, values), style in zip(accuracies.items(), ("s--", "o-"), strict=True):
    axes.plot(TRANSLATIONS, values, style, label=name)
axes.set_xlabel("Translation to the right (pixels)")
axes.set_ylabel("Test accuracy")
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("translation.png")
