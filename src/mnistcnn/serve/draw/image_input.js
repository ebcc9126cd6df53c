// Images that the visitor opens, pastes, drops or photographs: scaled to fit the canvas, and binarized.

// Largest resolution of the ink of an image, in pixels per unit of the canvas.
const MAX_IMAGE_SCALE = 3;

/**
 * Return the centered rectangle that an image fills when it is scaled to fit.
 *
 * @param {{width: number, height: number}} image
 * @param {{width: number, height: number}} container
 */
function fitInto(image, container) {
  const scale = Math.min(container.width / image.width, container.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  return {
    left: (container.width - width) / 2,
    top: (container.height - height) / 2,
    width,
    height,
  };
}

/**
 * Binarize an image.
 *
 * @param {ImageBitmap} bitmap
 * @returns {LoadedImage}
 */
function loadImage(bitmap) {
  const scale = clamp(
    Math.max(bitmap.width / CANVAS.width, bitmap.height / CANVAS.height),
    1,
    MAX_IMAGE_SCALE,
  );
  const ink = grayImage(Math.round(CANVAS.width * scale), Math.round(CANVAS.height * scale));
  const area = fitInto(bitmap, ink);
  const [width, height] = [area.width, area.height].map((side) => Math.max(1, Math.round(side)));
  const pixels = readPixels(bitmap, width, height);
  const background = chooseBackground(pixels);
  const imageInk = binarize(toGray(pixels, background));
  const [left, top] = [Math.floor(area.left), Math.floor(area.top)];
  for (let y = 0; y < Math.min(height, ink.height); y++) {
    const row = imageInk.data.subarray(y * width, y * width + Math.min(width, ink.width));
    ink.data.set(row, (top + y) * ink.width + left);
  }
  return { kind: "image", bitmap, background, scale, ink };
}

/**
 * Return the pixels of an image, resized.
 *
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 * @returns {Pixels}
 */
function readPixels(bitmap, width, height) {
  const context = getContext(Object.assign(document.createElement("canvas"), { width, height }));
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
