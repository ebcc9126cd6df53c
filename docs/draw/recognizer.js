// Recognition: from the ink to the digits. `Recognizer.read` finds digits with a larger network.

// Longer side of a speck of dirt, in digit heights.
const MAX_SPECK_SIZE = 0.14;
// Height of a digit, in digit heights, below which it is punctuation or dirt.
const MIN_DIGIT_HEIGHT = 0.3;
// Maximum number of components, more than a full page of writing has.
const MAX_COMPONENTS = 200;

/**
 * A recognized digit.
 *
 * @typedef {object} Digit
 * @property {Box} box
 * @property {Uint8Array} crop input of the network, 28 × 28 pixels
 * @property {NetworkOutput} output
 * @property {number} label the most probable digit
 * @property {number} confidence its probability
 */

/** @typedef {Digit & {labels: number[]}} Candidate with the labels of its components */

/**
 * Return a function that recognizes the digits in an ink map, by line.
 *
 * @param {Network} network
 * @returns {(inkMap: InkMap) => Digit[][]}
 */
function createRecognizer(network) {
  // A stroke changes one digit, so the outputs of the previous call are reused for the others.
  /** @type {Map<string, {crop: Uint8Array, output: NetworkOutput}>} */
  let cache = new Map();
  return (inkMap) => {
    /** @type {typeof cache} */
    const newCache = new Map();
    /** @type {(labels: number[]) => Candidate} */
    const classify = (labels) => {
      const { box, strength } = cropComponents(inkMap, labels);
      const key = hash(strength);
      let result = cache.get(key) ?? newCache.get(key);
      if (!result) {
        const crop = digitCrop(strength);
        result = { crop, output: network(crop) };
      }
      newCache.set(key, result);
      const { probabilities } = result.output;
      const confidence = Math.max(...probabilities);
      return { ...result, labels, box, confidence, label: probabilities.indexOf(confidence) };
    };
    const digitHeight = medianDigitHeight(inkMap.components);
    const labels = largestComponents(inkMap.components, MAX_SPECK_SIZE * digitHeight);
    const candidates = labels.map((label) => classify([label]));
    const digits = mergeStrokes(candidates, digitHeight, classify);
    cache = newCache;
    const minHeight = MIN_DIGIT_HEIGHT * digitHeight;
    return groupIntoLines(digits.filter(({ box }) => box.bottom - box.top >= minHeight));
  };
}

/**
 * Return the labels of the largest components, at most `MAX_COMPONENTS`.
 *
 * @param {Box[]} components
 * @param {number} minSize of the longer side
 * @returns {number[]}
 */
function largestComponents(components, minSize) {
  return components
    .map(({ left, top, right, bottom }, i) => ({
      size: Math.max(right - left, bottom - top),
      label: i + 1,
    }))
    .filter(({ size }) => size >= minSize)
    .sort((a, b) => b.size - a.size)
    .slice(0, MAX_COMPONENTS)
    .map(({ label }) => label);
}

/**
 * @param {GrayImage} image
 * @returns {string} a key of its content
 */
function hash({ width, height, data }) {
  let [code, total] = [0, 0];
  const words = new Int32Array(data.buffer);
  for (let i = 0; i < words.length; i++) {
    code = (Math.imul(code, 31) + words[i]) | 0;
    total += data[i];
  }
  return [width, height, code, total].join();
}
