// Resizing and separable filters, with the weights that Pillow and OpenCV use.

/**
 * For each output pixel along one axis: the first input pixel and the weights from there on.
 *
 * @typedef {{start: number, weights: number[]}[]} Taps
 */

/**
 * Resize an image, along x first, then along y.
 *
 * @param {GrayImage} image
 * @param {number} width
 * @param {number} height
 * @param {(from: number, to: number) => Taps} getTaps
 * @returns {GrayImage}
 */
function resize(image, width, height, getTaps) {
  const rows = grayImage(width, image.height);
  getTaps(image.width, width).forEach(({ start, weights }, x) => {
    for (let y = 0; y < image.height; y++) {
      let total = 0;
      for (let k = 0; k < weights.length; k++) {
        total += weights[k] * image.data[y * image.width + start + k];
      }
      rows.data[y * width + x] = total;
    }
  });
  const resized = grayImage(width, height);
  getTaps(image.height, height).forEach(({ start, weights }, y) => {
    for (let x = 0; x < width; x++) {
      let total = 0;
      for (let k = 0; k < weights.length; k++)
        total += weights[k] * rows.data[(start + k) * width + x];
      resized.data[y * width + x] = total;
    }
  });
  return resized;
}

/**
 * Pillow's bicubic filter, which is antialiased.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function antialiasedBicubicTaps(from, to) {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(center - 2 * filterScale + 0.5), 0);
    const end = Math.min(Math.trunc(center + 2 * filterScale + 0.5), from);
    const weights = Array.from({ length: end - start }, (_, k) =>
      cubicKernel((start + k - center + 0.5) / filterScale, -0.5),
    );
    const total = sum(weights);
    return { start, weights: weights.map((weight) => weight / total) };
  });
}

/**
 * OpenCV's bicubic interpolation for enlarging, with replicated borders.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function bicubicTaps(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const center = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(center) - 1;
    const start = clamp(first, 0, from - 1);
    const weights = new Array(clamp(first + 3, 0, from - 1) - start + 1).fill(0);
    for (let k = first; k < first + 4; k++) {
      weights[clamp(k, 0, from - 1) - start] += cubicKernel(k - center, -0.75);
    }
    return { start, weights };
  });
}

/**
 * OpenCV's area interpolation for downscaling: the mean over the area of each output pixel.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function areaTaps(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [low, high] = [i * scale, (i + 1) * scale];
    const start = Math.floor(low);
    const end = Math.min(Math.ceil(high), from);
    const weights = Array.from(
      { length: end - start },
      (_, k) => (Math.min(start + k + 1, high) - Math.max(start + k, low)) / scale,
    );
    return { start, weights };
  });
}

/**
 * Linear interpolation.
 *
 * @param {number} from
 * @param {number} to
 * @returns {Taps}
 */
function linearTaps(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const center = clamp(((i + 0.5) * from) / to - 0.5, 0, from - 1);
    const start = Math.min(Math.floor(center), Math.max(from - 2, 0));
    return from > 1
      ? { start, weights: [start + 1 - center, center - start] }
      : { start, weights: [1] };
  });
}

/**
 * Keys' cubic convolution kernel.
 *
 * @param {number} distance
 * @param {number} a slope at distance 1
 * @returns {number}
 */
function cubicKernel(distance, a) {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Return an image whose longer side has at most `maxSize` pixels.
 *
 * @param {GrayImage} image
 * @param {number} maxSize
 * @returns {GrayImage}
 */
function downscale(image, maxSize) {
  const scale = maxSize / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const width = Math.max(1, round(image.width * scale));
  return resize(image, width, Math.max(1, round(image.height * scale)), areaTaps);
}

/**
 * Filter an image with the same kernel along x and y, with replicated borders.
 *
 * @param {GrayImage} image
 * @param {number[]} kernel
 * @returns {GrayImage}
 */
function separableFilter(image, kernel) {
  const radius = kernel.length >> 1;
  return resize(image, image.width, image.height, (length) =>
    Array.from({ length }, (_, i) => {
      const start = clamp(i - radius, 0, length - 1);
      const weights = new Array(clamp(i + radius, 0, length - 1) - start + 1).fill(0);
      kernel.forEach((weight, k) => {
        weights[clamp(i - radius + k, 0, length - 1) - start] += weight;
      });
      return { start, weights };
    }),
  );
}

/**
 * @param {number} sigma
 * @returns {number[]} weights with a sum of 1
 */
function gaussianKernel(sigma) {
  const radius = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}
