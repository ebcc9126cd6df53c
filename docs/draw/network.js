// The documented network: two convolutions and a dense layer, in plain JavaScript.

/**
 * What the network makes of one glyph.
 *
 * @typedef {object} Answer
 * @property {Float32Array} conv1 26 × 26 × 32: the first convolution after ReLU, channels last
 * @property {Float32Array} conv2 11 × 11 × 64: the second one
 * @property {Float32Array} probabilities of the digits 0 to 9; their sum is 1
 */

/** @typedef {(image: Uint8Array) => Answer} Network */

/** Numbers in each of the six arrays, in the order in which Keras holds them. */
const SIZES = [3 * 3 * 32, 32, 3 * 3 * 32 * 64, 64, 5 * 5 * 64 * 10, 10];

/**
 * Return the network of these weights.
 *
 * @param {ArrayLike<number>} weights 34,826 numbers: the six arrays, one after the other
 * @returns {Network} takes 28 × 28 grey values in 0...255, light ink on dark paper
 */
function makeNetwork(weights) {
  const all = Float64Array.from(weights);
  let end = 0;
  const arrays = SIZES.map((size) => all.subarray(end, (end += size)));
  if (all.length !== end) throw new Error(`weights must be ${end} numbers; received ${all.length}`);
  const [kernel1, bias1, kernel2, bias2, kernel3, bias3] = arrays;
  return (image) => {
    const conv1 = convolved(
      Float32Array.from(image, (grey) => grey / 255),
      28,
      kernel1,
      bias1,
    );
    const conv2 = convolved(pooled(conv1, 26, 32), 13, kernel2, bias2);
    const features = pooled(conv2, 11, 64);
    return { conv1, conv2, probabilities: softmax(dense(features, kernel3, bias3)) };
  };
}

/**
 * Return ReLU of a 3 × 3 convolution without padding, channels last.
 *
 * Wherever there is no ink the input is 0 and costs nothing.
 *
 * @param {Float32Array} input side × side × channels
 * @param {number} side
 * @param {Float64Array} kernel 3 × 3 × channels × filters
 * @param {Float64Array} bias
 * @returns {Float32Array} (side - 2) × (side - 2) × filters
 */
function convolved(input, side, kernel, bias) {
  const filters = bias.length;
  const row = (3 * kernel.length) / (9 * filters); // three neighbours with all their channels
  const out = side - 2;
  const output = new Float32Array(out * out * filters);
  const sums = new Float64Array(filters);
  for (let y = 0; y < out; y++) {
    for (let x = 0; x < out; x++) {
      sums.set(bias);
      for (let down = 0; down < 3; down++) {
        const start = (((y + down) * side + x) * row) / 3;
        for (let k = 0; k < row; k++) {
          const value = input[start + k];
          if (value === 0) continue;
          const from = (down * row + k) * filters;
          for (let f = 0; f < filters; f += 4) {
            sums[f] += value * kernel[from + f];
            sums[f + 1] += value * kernel[from + f + 1];
            sums[f + 2] += value * kernel[from + f + 2];
            sums[f + 3] += value * kernel[from + f + 3];
          }
        }
      }
      const place = (y * out + x) * filters;
      for (let f = 0; f < filters; f++) output[place + f] = sums[f] > 0 ? sums[f] : 0;
    }
  }
  return output;
}

/**
 * Return the largest of each 2 × 2; an odd last row and column are dropped.
 *
 * @param {Float32Array} input side × side × channels
 * @param {number} side
 * @param {number} channels
 * @returns {Float32Array}
 */
function pooled(input, side, channels) {
  const half = side >> 1;
  const output = new Float32Array(half * half * channels);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      for (let c = 0; c < channels; c++) {
        const first = (2 * y * side + 2 * x) * channels + c;
        const second = first + side * channels;
        output[(y * half + x) * channels + c] = Math.max(
          input[first],
          input[first + channels],
          input[second],
          input[second + channels],
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
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((one, other) => one + other, 0);
  return Float32Array.from(powers, (power) => power / sum);
}

/**
 * Return the numbers of a text that holds them as 32-bit floats, low byte first, in base64.
 *
 * @param {string} text
 * @returns {Float32Array}
 */
function decoded(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return new Float32Array(bytes.buffer); // every machine with a browser has the low byte first
}
