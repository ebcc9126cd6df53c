"""
Two recipes: what moving the digits teaches
===========================================

A network that only ever saw centred digits is lost when one lies a few pixels aside. A recipe that
moves the training images each time anew makes it see more.
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
# They differ in one setting: up to 4 pixels either way, down or up, right or left.

still = replace(recipes.FAST, name="still", epochs=10)
moving = replace(still, name="moving", augmentation=recipes.Augmentation(translation=4))

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
x, y = mnistcnn.preprocess(x_train, y_train)

# %%
# Train by each, test aside
# -------------------------
# The test images are moved to the right, pixel by pixel. What leaves the image is lost.

SHIFTS = range(7)
moved = [np.pad(x_test, ((0, 0), (0, 0), (shift, 0)))[:, :, :28] for shift in SHIFTS]
accuracies = {}
for recipe in (still, moving):
    model = mnistcnn.build_model(seed=0)
    mnistcnn.train(model, x, y, recipe=recipe, seed=0, verbose=0)
    accuracies[recipe.name] = [
        mnistcnn.evaluate(model, *mnistcnn.preprocess(images, y_test)).accuracy for images in moved
    ]
    print(f"{recipe.name:>6}: " + "  ".join(f"{one:.0%}" for one in accuracies[recipe.name]))

# %%
# Side by side
# ------------

figure = Figure(figsize=(7, 4.6), layout="constrained")
pictures, curves = figure.subfigures(2, 1, height_ratios=(1, 3))
for images, axes in zip(moved, pictures.subplots(1, len(SHIFTS)), strict=True):
    axes.imshow(images[0], cmap="gray_r")
    axes.set(xticks=[], yticks=[])
axes = curves.subplots()
for (name, values), style in zip(accuracies.items(), ("s--", "o-"), strict=True):
    axes.plot(SHIFTS, values, style, label=name)
axes.set_xlabel("Moved to the right (pixels)")
axes.set_ylabel("Test accuracy")
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.grid(alpha=0.3)
axes.legend()
figure.savefig("moved.png")
