// Grayscale images and the numerical functions that the other scripts share.

/**
 * A grayscale image or a map of ink, row by row.
 *
 * @typedef {object} GrayImage
 * @property {number} width
 * @property {number} height
 * @property {Float32Array} data
 */

/**
 * @param {number} width
 * @param {number} height
 * @param {Float32Array} [data] all 0 by default
 * @returns {GrayImage}
 */
function grayImage(width, height, data = new Float32Array(width * height)) {
  return { width, height, data };
}

/**
 * Round to the nearest integer, and halves to the even one, as Python and NumPy do.
 *
 * @param {number} value
 * @returns {number}
 */
function round(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * @param {number[] | Float64Array} values
 * @returns {number}
 */
function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * @param {Float32Array} values
 * @returns {number} minus infinity if there are no values
 */
function maximum(values) {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i] > max) max = values[i];
  return max;
}

/**
 * Return a quantile with linear interpolation, as NumPy does.
 *
 * @param {Float32Array} values
 * @param {number} q in [0, 1]
 * @returns {number}
 */
function quantile(values, q) {
  const position = q * (values.length - 1);
  const low = Math.floor(position);
  // Most pixels of a stroke are full ink, so the quantile is often the maximum: skip the sort.
  const max = maximum(values);
  let numBelow = 0;
  for (let i = 0; i < values.length; i++) if (values[i] < max) numBelow++;
  if (numBelow <= low) return max;
  const sorted = Float32Array.from(values).sort();
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}
