"""
Reject predictions with low confidence
======================================

With a reject option, the network predicts a digit only if its confidence reaches a threshold, and
a person reviews the other images. This example shows how the threshold trades the number of
rejected images for the error rate.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import mnistcnn

# %%
# Classify images of another data set
# -----------------------------------
# The pretrained weights were trained on MNIST. These digits come from another data set, where
# they have only 8 × 8 pixels.

(images, labels), _ = mnistcnn.load_data("digits")
probabilities = mnistcnn.Recognizer().predict_proba(images)
predictions = probabilities.argmax(axis=1)
confidences = probabilities.max(axis=1)
correct = predictions == labels
print(f"accuracy on {len(images)} images: {correct.mean():.1%}")

# %%
# Risk-coverage curve
# -------------------
# The coverage is the fraction of the images whose prediction is accepted. The risk is the error
# rate among them.

order = np.argsort(-confidences)
num_accepted = np.arange(1, len(images) + 1)
risks = np.cumsum(~correct[order]) / num_accepted

figure = Figure(figsize=(7, 3.6), layout="constrained")
axes = figure.subplots()
axes.plot(num_accepted / len(images), risks, color="#0072B2")
axes.set_xlabel("Coverage: accepted predictions, most confident first")
axes.set_ylabel("Error rate among them")
axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=1))
axes.grid(alpha=0.3)
for threshold in (0.99, 0.9, 0.6):
    accepted = confidences >= threshold
    coverage = accepted.mean()
    error_rate = 1 - correct[accepted].mean()
    axes.plot(coverage, error_rate, "o", color="#D55E00")
    axes.annotate(
        f"confidence ≥ {threshold:.0%}",
        (coverage, error_rate),
        xytext=(-6, 6),
        ha="right",
        textcoords="offset points",
    )
    print(f"confidence ≥ {threshold:.0%}: {coverage:.1%} accepted, error rate {error_rate:.2%}")
figure.savefig("risk_coverage.png")

# %%
# Rejected images
# ---------------
# The ten images with the lowest confidence, with their label and the prediction.

rejected = Figure(figsize=(6, 2.8), layout="constrained")
for index, axes in zip(order[::-1], rejected.subplots(2, 5).flat, strict=False):
    axes.imshow(images[index], cmap="gray_r")
    axes.set_title(f"{labels[index]}, predicted {predictions[index]}", fontsize=8)
    axes.axis("off")
rejected.savefig("rejected.png")
