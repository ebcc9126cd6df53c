// Digit crops: a component of the ink in MNIST format, with strokes of at least a minimum width, as
// `Component.digit_crop` in src/mnistcnn/ocr/components.py. Tests compare the results.

// Longer side, in pixels, at which strokes are widened.
const WORKING_SIZE = 80;
// Narrowest stroke in a digit crop, in pixels of MNIST's 20 × 20 box.
const MIN_STROKE_WIDTH = 2;
// Strength of the ink, in [0, 1], below which it is background.
const MIN_STRENGTH = 0.05;

/**
 * Return a component in MNIST format.
 *
 * @param {GrayImage} strength the ink of the component alone, cropped; 0 is background, 1 full ink
 * @returns {Uint8Array} 28 × 28; 255 is full ink
 */
function digitCrop(strength) {
  const scale = WORKING_SIZE / Math.max(strength.width, strength.height);
  const width = Math.max(1, round(strength.width * scale));
  const height = Math.max(1, round(strength.height * scale));
  const resized = resize(strength, width, height, scale < 1 ? areaTaps : bicubicTaps);
  const clamped = resized.data.map((value) => clamp(value, 0, 1));
  // Downscaling makes the strokes of a thin pen pale.
  const max = Math.max(maximum(clamped), MIN_STRENGTH);
  let ink = grayImage(
    width,
    height,
    clamped.map((value) => value / max),
  );
  const missingWidth = (MIN_STROKE_WIDTH * WORKING_SIZE) / BOX_SIZE - strokeWidth(ink);
  if (missingWidth > 0) ink = dilate(ink, round(missingWidth / 2));
  return toMnistFormat({
    ...ink,
    data: ink.data.map((value) => (value < MIN_STRENGTH ? 0 : value)),
  });
}

/**
 * Return the mean width of the strokes in pixels.
 *
 * @param {GrayImage} ink
 * @returns {number}
 */
function strokeWidth({ width, height, data }) {
  const vertical = verticalDistances({ width, height, data });
  let [total, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let squared = vertical[y * width + x] ** 2;
      if (!squared) continue;
      for (let dx = 1; dx * dx < squared; dx++) {
        const left = x < dx ? 0 : vertical[y * width + x - dx];
        const right = x + dx >= width ? 0 : vertical[y * width + x + dx];
        squared = Math.min(squared, dx * dx + Math.min(left, right) ** 2);
      }
      total += Math.sqrt(squared);
      count++;
    }
  }
  // Across a stroke of w pixels the distances to the edge are 1, 2, 3, ..., 2, 1, with a mean of
  // about w / 4 + 1 / 2.
  return count ? (4 * total) / count - 2 : 0;
}

/**
 * Return the distance from each pixel to the next background pixel in its column. Pixels beyond the
 * border are background.
 *
 * @param {GrayImage} ink
 * @returns {Int32Array}
 */
function verticalDistances({ width, height, data }) {
  const distances = new Int32Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let y = 0, distance = 0; y < height; y++) {
      distance = data[y * width + x] > 0.5 ? distance + 1 : 0;
      distances[y * width + x] = distance;
    }
    for (let y = height - 1, distance = 0; y >= 0; y--) {
      distance = data[y * width + x] > 0.5 ? distance + 1 : 0;
      distances[y * width + x] = Math.min(distances[y * width + x], distance);
    }
  }
  return distances;
}

/**
 * Dilate with a disk, which widens strokes by its radius on each side.
 *
 * @param {GrayImage} ink
 * @param {number} radius an integer number of pixels
 * @returns {GrayImage} larger by the radius on each side
 */
function dilate(ink, radius) {
  const halfWidths = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    radius ? round(radius * Math.sqrt((radius ** 2 - (i - radius) ** 2) / radius ** 2)) : 0,
  );
  const dilated = grayImage(ink.width + 2 * radius, ink.height + 2 * radius);
  for (let y = 0; y < ink.height; y++) {
    for (let x = 0; x < ink.width; x++) {
      const value = ink.data[y * ink.width + x];
      if (!value) continue;
      halfWidths.forEach((halfWidth, dy) => {
        const center = (y + dy) * dilated.width + x + radius;
        for (let i = center - halfWidth; i <= center + halfWidth; i++) {
          if (dilated.data[i] < value) dilated.data[i] = value;
        }
      });
    }
  }
  return dilated;
}
