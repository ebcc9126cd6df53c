// The networks: two convolutions and a dense layer, in plain JavaScript.

/**
 * Probabilities and feature maps for one image.
 *
 * @typedef {object} NetworkOutput
 * @property {Float32Array} conv1 26 × 26 × filters: first convolution after ReLU, channels last
 * @property {Float32Array} conv2 11 × 11 × filters: second convolution after ReLU, channels last
 * @property {Float32Array} probabilities of the outputs; their sum is 1
 */

/** @typedef {(image: Uint8Array) => NetworkOutput} Network */

/**
 * Numbers of filters of both convolutions, and of outputs.
 *
 * @typedef {[number, number, number]} Architecture
 */

/** @type {Architecture} The baseline network, whose outputs are the ten digits. */
const BASELINE = [32, 64, 10];
/** @type {Architecture} The rejector, whose first ten outputs are the digits, the others none. */
const REJECTOR = [16, 24, 24];

/**
 * Return the network with the given weights.
 *
 * @param {ArrayLike<number>} weights the six arrays, concatenated, in the order of Keras
 * @param {Architecture} [architecture]
 * @returns {Network} takes 28 × 28 gray levels from 0 to 255, light ink on a dark background
 */
function createNetwork(weights, [filters1, filters2, outputs] = BASELINE) {
  const values = Float64Array.from(weights);
  const sizes = [9 * filters1, filters1, 9 * filters1 * filters2, filters2];
  sizes.push(5 * 5 * filters2 * outputs, outputs);
  let end = 0;
  const arrays = sizes.map((size) => values.subarray(end, (end += size)));
  if (values.length !== end) {
    throw new Error(`weights must have ${end} numbers; received ${values.length}`);
  }
  const [kernel1, bias1, kernel2, bias2, kernel3, bias3] = arrays;
  return (image) => {
    const conv1 = conv2d(
      Float32Array.from(image, (level) => level / 255),
      28,
      kernel1,
      bias1,
    );
    const conv2 = conv2d(maxPool2d(conv1, 26, filters1), 13, kernel2, bias2);
    const features = maxPool2d(conv2, 11, filters2);
    return { conv1, conv2, probabilities: softmax(dense(features, kernel3, bias3)) };
  };
}

/**
 * Return a 3 × 3 convolution without padding, after ReLU, channels last.
 *
 * Inputs of 0, which is most of an image, are skipped.
 *
 * @param {Float32Array} input side × side × channels
 * @param {number} side
 * @param {Float64Array} kernel 3 × 3 × channels × filters
 * @param {Float64Array} bias
 * @returns {Float32Array} (side - 2) × (side - 2) × filters
 */
function conv2d(input, side, kernel, bias) {
  const filters = bias.length;
  const rowSize = (3 * kernel.length) / (9 * filters); // three pixels with all their channels
  const outputSide = side - 2;
  const output = new Float32Array(outputSide * outputSide * filters);
  const sums = new Float64Array(filters);
  for (let y = 0; y < outputSide; y++) {
    for (let x = 0; x < outputSide; x++) {
      sums.set(bias);
      for (let dy = 0; dy < 3; dy++) {
        const start = (((y + dy) * side + x) * rowSize) / 3;
        for (let k = 0; k < rowSize; k++) {
          const value = input[start + k];
          if (value === 0) continue;
          const offset = (dy * rowSize + k) * filters;
          for (let f = 0; f < filters; f += 4) {
            sums[f] += value * kernel[offset + f];
            sums[f + 1] += value * kernel[offset + f + 1];
            sums[f + 2] += value * kernel[offset + f + 2];
            sums[f + 3] += value * kernel[offset + f + 3];
          }
        }
      }
      const pixel = (y * outputSide + x) * filters;
      for (let f = 0; f < filters; f++) output[pixel + f] = sums[f] > 0 ? sums[f] : 0;
    }
  }
  return output;
}

/**
 * Return the maximum of each 2 × 2 pixels; an odd last row and column are dropped.
 *
 * @param {Float32Array} input side × side × channels
 * @param {number} side
 * @param {number} channels
 * @returns {Float32Array}
 */
function maxPool2d(input, side, channels) {
  const half = side >> 1;
  const output = new Float32Array(half * half * channels);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      for (let c = 0; c < channels; c++) {
        const top = (2 * y * side + 2 * x) * channels + c;
        const bottom = top + side * channels;
        output[(y * half + x) * channels + c] = Math.max(
          input[top],
          input[top + channels],
          input[bottom],
          input[bottom + channels],
        );
      }
    }
  }
  return output;
}

/**
 * @param {Float32Array} features
 * @param {Float64Array} kernel features × classes
 * @param {Float64Array} bias
 * @returns {Float64Array}
 */
function dense(features, kernel, bias) {
  const sums = Float64Array.from(bias);
  features.forEach((value, i) => {
    if (value === 0) return;
    for (let c = 0; c < sums.length; c++) sums[c] += value * kernel[i * sums.length + c];
  });
  return sums;
}

/**
 * @param {Float64Array} logits
 * @returns {Float32Array}
 */
function softmax(logits) {
  const max = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - max));
  const total = sum(powers);
  return Float32Array.from(powers, (power) => power / total);
}

/**
 * Decode little-endian 32-bit floats in base64.
 *
 * @param {string} text
 * @returns {Float32Array}
 */
function decodeFloats(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Float32Array(bytes.buffer); // browsers run on little-endian machines only
}

/**
 * Return a function that returns the probability that an image shows a digit, as
 * `NonDigitRejector` in src/mnistcnn/ocr/classification.py.
 *
 * @param {ArrayLike<number>} weights
 * @returns {(image: Uint8Array) => number}
 */
function createRejector(weights) {
  const network = createNetwork(weights, REJECTOR);
  // Rounding may take the sum above 1.
  return (image) => Math.min(sum(Array.from(network(image).probabilities.subarray(0, 10))), 1);
}
