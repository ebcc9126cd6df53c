"""
Train a network of your own on letters
======================================

The 26 letters, drawn with the fonts that come with Matplotlib, and a network with three
convolutions: trained, saved, evaluated from its file, exported to ONNX, and run without Keras.
Nothing is downloaded. The export needs the extra ``tf2onnx``.
"""

import string
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import mnistcnn
from mnistcnn import train

# isort: split
import keras  # after the import of train, which configures TensorFlow

NUM_IMAGES = 5000
EPOCHS = 8

# %%
# Draw the letters
# ----------------
# Each image has a letter in a font, size and position of its own, slanted at random. The fonts of
# the test images do not occur among the training images.

NAMES = string.ascii_uppercase
FONTS = sorted(Path(mpl.get_data_path(), "fonts/ttf").glob("DejaVu*.ttf"))
FONTS = [font for font in FONTS if "Display" not in font.name]
rng = np.random.default_rng(0)


def draw_letter(name: str, font: Path) -> Image.Image:
    """Return a letter, white on black, slanted and shifted at random."""
    image = Image.new("L", (28, 28))
    typeface = ImageFont.truetype(font, size=int(rng.integers(18, 26)))
    x, y = 14 + rng.uniform(-2, 2, size=2)
    ImageDraw.Draw(image).text((x, y), name, fill=255, font=typeface, anchor="mm")
    shear = rng.uniform(-0.3, 0.3)
    slanted = (1, shear, -14 * shear, 0, 1, 0)
    return image.transform((28, 28), Image.Transform.AFFINE, slanted, Image.Resampling.BILINEAR)


def draw_letters(count: int, fonts: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Return images, ``uint8 (count, 28, 28)``, and the index of each letter."""
    labels = rng.integers(len(NAMES), size=count)
    choices = rng.integers(len(fonts), size=count)
    images = [draw_letter(NAMES[i], fonts[j]) for i, j in zip(labels, choices, strict=True)]
    return np.stack([np.asarray(image) for image in images]), labels


test_fonts = [font for font in FONTS if "Serif-Italic" in font.name or "Mono-Bold" in font.name]
train_fonts = [font for font in FONTS if font not in test_fonts]
x_train, y_train = draw_letters(NUM_IMAGES, train_fonts)
x_test, y_test = draw_letters(1000, test_fonts)
letters = mnistcnn.plot_digits(x_train, y_train, class_names=[*NAMES], max_images=40)
letters.savefig("letters.png")

# %%
# Build and train the network
# ---------------------------
# Any Keras model that takes ``(n, 28, 28, 1)`` and returns a row of probabilities will do. `train`
# runs it in the same compiled loop as the baseline network.


def build() -> keras.Sequential:
    """Return a compiled network with three convolutions."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(len(NAMES), activation="softmax"),
        ],
        name="letters",
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


keras.utils.set_random_seed(0)  # of the initial weights
x, y = mnistcnn.preprocess(x_train, y_train, num_classes=len(NAMES))
train(
    build(),
    x,
    y,
    epochs=EPOCHS,
    class_names=[*NAMES],
    callbacks=mnistcnn.default_callbacks("letters.keras"),
    seed=0,
    verbose=0,
)

# %%
# Evaluate it from its file
# -------------------------
# A file never builds a network: build it, and load the weights into it. The names of the letters
# are in the file.

model = mnistcnn.load_model("letters.keras", model=build())
x, y = mnistcnn.preprocess(x_test, y_test, num_classes=len(NAMES))
result = mnistcnn.evaluate(model, x, y)
print(f"accuracy in fonts that were not trained on: {result.accuracy:.1%}")
for true, predicted, count in result.top_confusions(3):
    print(f"{result.class_names[true]} read as {result.class_names[predicted]}: {count}")
confusions = mnistcnn.plot_confusion_matrix(result)
confusions.savefig("confusions.png")

# %%
# Export it, and run it without Keras
# -----------------------------------
# `export_model` compares the results of ONNX Runtime with those of Keras before it writes the
# file. `Recognizer` needs neither Keras nor TensorFlow.

path = mnistcnn.export_model(model, "letters.onnx")
recognizer = mnistcnn.Recognizer(path)
word = [draw_letter(name, test_fonts[0]) for name in "KERAS"]
indices = recognizer.predict(np.stack([np.asarray(image) for image in word]))
print("read:", "".join(recognizer.class_names[index] for index in indices))
