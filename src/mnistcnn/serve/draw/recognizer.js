// Recognition: from the ink to the digits, as in src/mnistcnn/ocr/pipeline.py.

// Longer side of a speck of dirt, in digit heights.
const MAX_SPECK_SIZE = 0.14;
// Height of a digit, in digit heights, below which it is punctuation or dirt.
const MIN_DIGIT_HEIGHT = 0.3;
// Maximum number of components, more than a full page of writing has.
const MAX_COMPONENTS = 200;
// Confidence below which a digit is displayed as doubtful.
const DOUBTFUL_CONFIDENCE = 0.75;
const DOUBTFUL_MARK = "?";

/**
 * What the networks return for a crop. The probability that it is a digit is computed on demand.
 *
 * @typedef {{crop: Uint8Array, output: NetworkOutput, isDigit?: number}} Classified
 */

/**
 * A component, or several, with its class.
 *
 * @typedef {object} Candidate
 * @property {Box} box
 * @property {number[]} labels of its components
 * @property {Classified} classified
 * @property {number} label the most probable digit
 * @property {number} confidence its probability
 */

/**
 * A recognized digit.
 *
 * @typedef {object} Digit
 * @property {Box} box
 * @property {Uint8Array} crop input of the networks, 28 × 28 pixels
 * @property {NetworkOutput} output
 * @property {number} isDigit probability that the crop shows a digit at all
 * @property {Float32Array} probabilities of the digits 0 to 9; their sum is `isDigit`
 * @property {number} label the most probable digit
 * @property {number} confidence its probability
 * @property {string} text the label, or a mark if the digit is doubtful
 */

/**
 * Return a function that recognizes the digits in an ink map, by line.
 *
 * @param {Network} network
 * @param {(image: Uint8Array) => number} rejector
 * @returns {(inkMap: InkMap) => Digit[][]}
 */
function createRecognizer(network, rejector) {
  // A stroke changes one digit, so the outputs of the previous call are reused for the others.
  /** @type {Map<string, Classified>} */
  let cache = new Map();
  return (inkMap) => {
    /** @type {typeof cache} */
    const newCache = new Map();
    /** @type {(labels: number[]) => Candidate} */
    const classify = (labels) => {
      const { box, strength } = cropComponents(inkMap, labels);
      const key = hash(strength);
      let classified = cache.get(key) ?? newCache.get(key);
      if (!classified) {
        const crop = digitCrop(strength);
        classified = { crop, output: network(crop) };
      }
      newCache.set(key, classified);
      const { probabilities } = classified.output;
      const confidence = Math.max(...probabilities);
      return { labels, box, classified, confidence, label: probabilities.indexOf(confidence) };
    };
    const digitHeight = medianDigitHeight(inkMap.components);
    const labels = largestComponents(inkMap.components, MAX_SPECK_SIZE * digitHeight);
    const candidates = labels.map((label) => classify([label]));
    const digits = mergeStrokes(candidates, digitHeight, classify);
    cache = newCache;
    const minHeight = MIN_DIGIT_HEIGHT * digitHeight;
    const tall = digits.filter(({ box }) => box.bottom - box.top >= minHeight);
    return groupIntoLines(tall.map((candidate) => applyRejection(candidate, rejector)));
  };
}

/**
 * Multiply the class probabilities by the probability that the candidate is a digit.
 *
 * @param {Candidate} candidate
 * @param {(image: Uint8Array) => number} rejector
 * @returns {Digit}
 */
function applyRejection({ box, label, confidence, classified }, rejector) {
  const { crop, output } = classified;
  const isDigit = (classified.isDigit ??= rejector(crop));
  const probabilities = output.probabilities.map((probability) => probability * isDigit);
  const digit = { box, crop, output, isDigit, probabilities, label };
  const isDoubtful = confidence * isDigit < DOUBTFUL_CONFIDENCE;
  const text = isDoubtful ? DOUBTFUL_MARK : `${label}`;
  return { ...digit, confidence: confidence * isDigit, text };
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
