"""
Leave the doubtful ones to a person
===================================

A probability is of use if something follows from it. Here the network answers only where it is
sure, and leaves the rest to somebody who looks.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnistcnn

# %%
# Ask the shipped weights
# -----------------------
# They were trained on MNIST and have never seen these digits, which were drawn on 8 × 8 pixels.

(images, labels), _ = mnistcnn.load_data("digits")
probabilities = mnistcnn.Recognizer().predict_proba(images)
answers = probabilities.argmax(axis=1)
sureness = probabilities.max(axis=1)
right = answers == labels
print(f"{right.mean():.1%} of {len(images)} images are read rightly")

# %%
# The surest first
# ----------------
# Going down the list, how many of the answers so far are wrong?

order = np.argsort(-sureness)
answered = np.arange(1, len(images) + 1)
wrong_so_far = np.cumsum(~right[order]) / answered

figure = Figure(figsize=(7, 3.6), layout="constrained")
axes = figure.subplots()
axes.plot(answered / len(images), wrong_so_far, color="#0072B2")
axes.set_xlabel("Answered, the surest first")
axes.set_ylabel("Wrong among them")
axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=1))
axes.grid(alpha=0.3)
for least in (0.99, 0.9, 0.6):
    share = (sureness >= least).mean()
    wrong = 1 - right[sureness >= least].mean()
    axes.plot(share, wrong, "o", color="#D55E00")
    axes.annotate(
        f"at least {least:.0%}",
        (share, wrong),
        xytext=(-6, 6),
        ha="right",
        textcoords="offset points",
    )
    print(f"sure of at least {least:.0%}: {share:.1%} answered, {wrong:.2%} of them wrong")
figure.savefig("doubt.png")

# %%
# What a person would see
# -----------------------
# The ten images of which the network is least sure: the label, and what it took them for.

doubtful = Figure(figsize=(6, 2.8), layout="constrained")
for index, axes in zip(order[::-1], doubtful.subplots(2, 5).flat, strict=False):
    axes.imshow(images[index], cmap="gray_r")
    axes.set_title(f"{labels[index]}, read {answers[index]}", fontsize=8)
    axes.axis("off")
doubtful.savefig("doubtful.png")
