"""
Cross-validation and searches with scikit-learn
===============================================

`DigitClassifier` is the network as a scikit-learn classifier. This example runs the usual tools on
300 images of 8 × 8 pixels, enlarged to MNIST's format, so that each fit takes a second.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import mnistcnn

(images, labels), test = mnistcnn.load_data("digits")
images, labels, held_out = images[:300], labels[:300], (images[300:600], labels[300:600])
classifier = mnistcnn.DigitClassifier(recipe="fast", epochs=6, seed=0)

# %%
# Cross-validation
# ----------------

scores = cross_val_score(classifier, images, labels, cv=2)
print(f"cross-validation: {scores.mean():.1%} ± {scores.std():.1%}")

# %%
# Grid search
# -----------
# The best parameters by cross-validation; the search then fits them on all images.

search = GridSearchCV(classifier, {"batch_size": [16, 64]}, cv=2).fit(images, labels)
print("best parameters:", search.best_params_)
print(f"test accuracy: {search.score(*test):.1%}")

# %%
# Learning curve
# --------------
# Would more images help? The accuracy on held-out images still rises.

sizes, _, scores = learning_curve(classifier, images, labels, train_sizes=[50, 100, 150], cv=2)
figure = Figure(figsize=(6, 3.4), layout="constrained")
axes = figure.subplots()
axes.errorbar(sizes, scores.mean(axis=1), scores.std(axis=1), marker="o", color="#0072B2")
axes.set_xlabel("Training images")
axes.set_ylabel("Accuracy on held-out images")
axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
axes.grid(alpha=0.3)
figure.savefig("learning_curve.png")

# %%
# Calibration
# -----------
# `CalibratedClassifierCV` learns to correct the probabilities of a trained classifier from other
# images. `mnistcnn.calibrate` does so within the network, with a single number.

network = search.best_estimator_
calibrated = CalibratedClassifierCV(FrozenEstimator(network)).fit(*held_out)
for name, model in (("as trained", network), ("calibrated", calibrated)):
    loss = log_loss(test.labels, model.predict_proba(test.images))
    print(f"{name}: log loss {loss:.3f}")

# %%
# Pipeline
# --------
# The network expects light digits on a dark background. A step in front of it inverts images of
# dark digits on white paper.


def invert(pictures: np.ndarray) -> np.ndarray:
    """Return the negative of 8-bit images."""
    return 255 - pictures


pipeline = make_pipeline(FunctionTransformer(invert), classifier).fit(255 - images, labels)
print(f"pipeline: {pipeline.score(255 - test.images, test.labels):.1%}")
