// Binarization: separate the ink from the background, whatever the illumination. A simpler version
// of src/mnistcnn/ocr/binarization.py.

// Minimum difference between ink and background: absolute, in brightness, and in standard deviations
// of the noise.
const MIN_CONTRAST = 0.06;
const MIN_DEVIATIONS = 5;
// Smallest area of a stroke in pixels.
const MIN_AREA = 6;
// Standard deviation of the noise, relative to full ink, that does not distort strokes.
const MAX_NOISE = 0.1;
// Longer side, in pixels, of the downscaled image in which the background is estimated.
const BACKGROUND_SIZE = 192;
// Side of the median filter, wider than any stroke, as a fraction of the square root of the area.
const MEDIAN_WINDOW = 0.6;

/**
 * Return the ink of an image, dark on light or light on dark.
 *
 * @param {GrayImage} gray brightness in [0, 1]
 * @returns {GrayImage} strength in [0, 1]; a pixel with more than 0.5 is ink
 */
function binarize(gray) {
  const small = downscale(gray, BACKGROUND_SIZE);
  const smallBackground = medianFilter(small);
  const threshold = Math.max(MIN_CONTRAST, MIN_DEVIATIONS * estimateNoise(small));
  let [lighter, darker] = [0, 0];
  small.data.forEach((value, i) => {
    const difference = value - smallBackground.data[i];
    if (difference > threshold) lighter += difference;
    if (difference < -threshold) darker -= difference;
  });
  const background = resize(smallBackground, gray.width, gray.height, linearTaps).data;
  const isInverted = lighter > darker;
  const difference = gray.data.map((value, i) =>
    isInverted
      ? value - background[i]
      : // Shadow scales ink and paper by the same factor.
        (background[i] - value) / Math.max(background[i], 0.1),
  );
  return normalizeComponents(grayImage(gray.width, gray.height, difference));
}

/**
 * Remove the noise, and divide each component by its peak, so that pale and dark strokes both keep
 * their true width.
 *
 * @param {GrayImage} difference from the background, positive towards the ink
 * @returns {GrayImage} strength in [0, 1]; a pixel with more than 0.5 is ink
 */
function normalizeComponents(difference) {
  let noise = estimateNoise(difference);
  const strong = difference.data
    .filter((value) => value > Math.max(MIN_CONTRAST, 3 * noise))
    .sort();
  const fullInk = strong.length ? strong[Math.floor(0.8 * (strong.length - 1))] : 1;
  // A Gaussian filter with standard deviation s scales white noise by 1 / (2 s sqrt(pi)).
  const sigma = Math.min(2, noise / (2 * Math.sqrt(Math.PI) * MAX_NOISE * fullInk));
  let smooth = difference;
  if (sigma > 0.3) {
    smooth = separableFilter(difference, gaussianKernel(sigma));
    noise /= Math.max(1, 2 * Math.sqrt(Math.PI) * sigma);
  }
  const strength = { ...smooth, data: smooth.data.map((value) => clamp(value, 0, 1)) };
  const threshold = Math.max(MIN_CONTRAST, MIN_DEVIATIONS * noise);
  const { labels, components } = connectedComponents(strength, threshold);
  const means = separableFilter(strength, [1 / 3, 1 / 3, 1 / 3]).data;
  // Division by infinity removes the background and components that are too small.
  const peaks = new Float32Array(components.length + 1).fill(Infinity);
  components.forEach(({ area }, i) => {
    if (area >= MIN_AREA) peaks[i + 1] = 0;
  });
  labels.forEach((label, i) => {
    if (label && means[i] > peaks[label]) peaks[label] = means[i];
  });
  const data = strength.data.map((value, i) => Math.min(value / peaks[labels[i]], 1));
  return { ...strength, data };
}

/**
 * Return the median of a large window around each pixel.
 *
 * @param {GrayImage} small
 * @returns {GrayImage}
 */
function medianFilter(small) {
  const { width, height } = small;
  const side = clamp(Math.trunc(MEDIAN_WINDOW * Math.sqrt(width * height)), 3, 255) | 1;
  const levels = paddedLevels(small, side >> 1);
  const stride = width + 2 * (side >> 1);
  const filtered = grayImage(width, height);
  const half = (side * side + 1) / 2;
  const histogram = new Uint16Array(256);
  for (let y = 0; y < height; y++) {
    histogram.fill(0);
    // The number of pixels in the window below the median, which changes little between windows.
    let [median, numBelow] = [0, 0];
    for (let x = 1 - side; x < width; x++) {
      for (let row = y; row < y + side; row++) {
        const added = levels[row * stride + x + side - 1];
        histogram[added]++;
        if (added < median) numBelow++;
        if (x < 1) continue;
        const removed = levels[row * stride + x - 1];
        histogram[removed]--;
        if (removed < median) numBelow--;
      }
      if (x < 0) continue;
      while (numBelow >= half) numBelow -= histogram[--median];
      while (numBelow + histogram[median] < half) numBelow += histogram[median++];
      filtered.data[y * width + x] = median / 255;
    }
  }
  return filtered;
}

/**
 * Extrapolate an image beyond its border by odd reflection, within the range of its values: a
 * gradient of the illumination continues, and ink near the border becomes background.
 *
 * @param {GrayImage} image
 * @param {number} margin
 * @returns {Uint8Array} gray levels of the padded image
 */
function paddedLevels({ width, height, data }, margin) {
  const [lowest, highest] = [quantile(data, 0), quantile(data, 1)];
  const columns = reflect(width, margin);
  const rows = reflect(height, margin);
  const levels = new Uint8Array(columns.length * rows.length);
  rows.forEach(([y, edgeY], row) => {
    columns.forEach(([x, edgeX], column) => {
      let value = data[y * width + x];
      if (edgeX >= 0) value = 2 * data[y * width + edgeX] - value;
      if (edgeY >= 0) {
        const edge = data[edgeY * width + x];
        value = 2 * (edgeX >= 0 ? 2 * data[edgeY * width + edgeX] - edge : edge) - value;
      }
      levels[row * columns.length + column] = Math.round(255 * clamp(value, lowest, highest));
    });
  });
  return levels;
}

/**
 * Return, for each position along a padded axis, the position inside the image that is reflected
 * there, and the border position at which it is reflected (-1 inside the image).
 *
 * @param {number} length
 * @param {number} margin
 * @returns {[number, number][]}
 */
function reflect(length, margin) {
  const last = length - 1;
  return Array.from({ length: length + 2 * margin }, (_, i) => {
    const position = i - margin;
    if (position < 0) return [Math.min(-position, last), 0];
    if (position > last) return [Math.max(2 * last - position, 0), last];
    return [position, -1];
  });
}

/**
 * Return the standard deviation of the pixel noise, after Immerkær, "Fast noise variance estimation"
 * (1996), with the median instead of the mean, which edges would bias.
 *
 * @param {GrayImage} gray
 * @returns {number}
 */
function estimateNoise({ width, height, data }) {
  if (width < 3 || height < 3) return 0;
  const responses = new Float32Array((width - 2) * (height - 2));
  for (let y = 1, k = 0; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++, k++) {
      const i = y * width + x;
      const sides = data[i - 1] + data[i + 1] + data[i - width] + data[i + width];
      const corners =
        data[i - width - 1] + data[i - width + 1] + data[i + width - 1] + data[i + width + 1];
      responses[k] = Math.abs(4 * data[i] - 2 * sides + corners);
    }
  }
  // The kernel multiplies the deviation by 6; the median of |x| is 0.6745 for a standard normal.
  return quantile(responses, 0.5) / (6 * 0.6745);
}
