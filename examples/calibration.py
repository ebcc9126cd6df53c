"""
Calibrate the confidences of a network
======================================

A confidence of 80 % should be right four times in five. Label smoothing, long training and other
data all break this. Temperature scaling [1]_ repairs it with a single number, fitted on images
that the network was not trained on.

.. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
   International Conference on Machine Learning, 2017.
"""

from matplotlib.figure import Figure

import mnistcnn

# %%
# Hold out some images
# --------------------
# Of 1,442 training images, the last 442 are used for the calibration only.

(images, labels), test = mnistcnn.load_data("digits")
x, y = mnistcnn.preprocess(images, labels)
x_train, y_train, x_held_out, y_held_out = x[:1000], y[:1000], x[1000:], y[1000:]
x_test, y_test = mnistcnn.preprocess(*test)

# %%
# Train
# -----
# The recipe ``fast`` smooths its labels, so that the network learns to be less confident than it
# could be.

model = mnistcnn.build_model(seed=0)
mnistcnn.train(model, x_train, y_train, recipe="fast", epochs=8, seed=0, callbacks=[], verbose=0)
before = mnistcnn.evaluate(model, x_test, y_test)

# %%
# Calibrate
# ---------
# The logits are divided by the temperature, in place: every file of the network holds it.

result = mnistcnn.calibrate(model, x_held_out, y_held_out)
print(result)
model.save("calibrated.keras")

# %%
# Compare on the test images
# --------------------------
# The predictions stay the same, the confidences now agree with the accuracy.

after = mnistcnn.evaluate("calibrated.keras", x_test, y_test)
for name, evaluation in (("as trained", before), ("calibrated", after)):
    print(
        f"{name}: accuracy {evaluation.accuracy:.1%}, loss {evaluation.loss:.3f}, "
        f"calibration error {evaluation.expected_calibration_error:.1%}"
    )

figure = Figure(figsize=(9, 5), layout="constrained")
panels = figure.subplots(2, 2, height_ratios=(3, 1))
mnistcnn.plot_calibration(before, ax=panels[:, 0])
mnistcnn.plot_calibration(after, ax=panels[:, 1])
for axes, name in zip(panels[0], ("As trained", "Calibrated"), strict=True):
    axes.set_title(name)
figure.savefig("calibration.png")

# %%
# Inference without Keras
# -----------------------
# `Recognizer` reads the calibrated file.

probabilities = mnistcnn.Recognizer("calibrated.keras").predict_proba(test.images)
print(f"mean confidence {probabilities.max(axis=1).mean():.1%}")
