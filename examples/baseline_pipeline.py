"""
Train and evaluate the baseline
===============================

The complete pipeline: load, preprocess, build, train, evaluate the saved file, and plot the
learning curves.
"""

# sphinx_gallery_thumbnail_number = 2

from pathlib import Path

import mnistcnn

DATA, EPOCHS = "digits", 12
OUTPUT = Path("pipeline")

# %%
# Load the data
# -------------
# ``"digits"`` is a small data set that needs no download. ``DATA, EPOCHS = "mnist", 5`` trains the
# baseline on MNIST, which takes some minutes.

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data(DATA)
x, y = mnistcnn.preprocess(x_train, y_train)
print(f"{len(x)} training images, {len(x_test)} test images")

# %%
# Train
# -----
# A checkpoint is saved after each epoch that improves the validation accuracy.

model = mnistcnn.build_model(seed=0)
checkpoint = OUTPUT / "bestmodel.keras"
history = mnistcnn.train(
    model,
    x,
    y,
    epochs=EPOCHS,
    callbacks=mnistcnn.default_callbacks(checkpoint),
    seed=0,
    verbose=0,
)

learning_curves = mnistcnn.plot_history(history)
learning_curves.savefig(OUTPUT / "history.png")

# %%
# Evaluate
# --------
# The saved file holds the weights of the best epoch, the model in memory those of the last one.

result = mnistcnn.evaluate(checkpoint, *mnistcnn.preprocess(x_test, y_test))
print(result)

confusion_matrix = mnistcnn.plot_confusion_matrix(result)
confusion_matrix.savefig(OUTPUT / "confusion_matrix.png")
print(f"The model and two plots are in {OUTPUT}")
