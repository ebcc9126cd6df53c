"""
Explain a prediction
====================

Why did the network read a 5 as a 9? Grad-CAM [1]_ shows which regions speak for a digit,
and the gradient by the pixels shows which ink would have changed the prediction.

.. [1] R. R. Selvaraju and others, "Grad-CAM: Visual explanations from deep networks via
   gradient-based localization", International Conference on Computer Vision, 2017.
"""

import mnistcnn

# %%
# The most confident errors
# -------------------------
# The pretrained network on the digits of another data set.

_, test = mnistcnn.load_data("digits")
model = mnistcnn.load_pretrained()
result = mnistcnn.evaluate(model, *mnistcnn.preprocess(*test))
errors = result.misclassified
first = errors.most_confident_first[:3]
indices = errors.indices[first]
print(f"{len(errors)} of {result.num_images} images are misclassified")
for index, label, digit in zip(indices, errors.labels[first], errors.predicted[first], strict=True):
    print(f"image {index}: a {label} read as a {digit}")

# %%
# What speaks for the predicted digit
# -----------------------------------
# Each row shows the image with its three most probable digits, Grad-CAM of the second convolution,
# and the gradient of the predicted digit: more ink in a red pixel speaks for it, in a blue one
# against it.

mnistcnn.plot_saliency(model, test.images[indices]).savefig("predicted.png")

# %%
# What speaks for the true digit
# ------------------------------
# The same images, with the maps of the digit that the label names.

mnistcnn.plot_saliency(model, test.images[indices], classes=errors.labels[first]).savefig(
    "true.png"
)
