// Connected components of the ink, as in src/mnistcnn/ocr/components.py.

// Width to height above which a component is a line or a dash.
const FLAT_ASPECT_RATIO = 3.5;
// Area of a frame or line as a fraction of its bounding box.
const MAX_HOLLOW_FILL = 0.05;

/**
 * Ink with its connected components.
 *
 * @typedef {object} InkMap
 * @property {GrayImage} strength 0 is background, 1 full ink
 * @property {Int32Array} labels label of the component, from 1; 0 is background
 * @property {Box[]} components in the order of their labels
 */

/**
 * A bounding box in pixels; right and bottom are exclusive. The area counts pixels of ink.
 *
 * @typedef {{left: number, top: number, right: number, bottom: number, area: number}} Box
 */

/**
 * Return the connected components of the ink, with 8-connectivity.
 *
 * @param {GrayImage} strength
 * @param {number} threshold a pixel with more than this is ink; at least 0
 * @returns {InkMap}
 */
function connectedComponents(strength, threshold) {
  const { width, height, data } = strength;
  const labels = new Int32Array(data.length);
  /** @type {Box[]} */
  const components = [];
  /** @type {number[]} */
  const stack = [];
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] <= threshold || labels[seed]) continue;
    const box = { left: width, top: height, right: 0, bottom: 0, area: 0 };
    labels[seed] = components.push(box);
    stack.push(seed);
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      const x = i % width;
      const y = (i - x) / width;
      if (x < box.left) box.left = x;
      if (x >= box.right) box.right = x + 1;
      if (y < box.top) box.top = y;
      if (y >= box.bottom) box.bottom = y + 1;
      box.area++;
      const [firstX, lastX] = [x ? x - 1 : 0, x + 1 < width ? x + 1 : x];
      for (let row = y ? y - 1 : 0; row <= y + 1 && row < height; row++) {
        for (let neighbor = row * width + firstX; neighbor <= row * width + lastX; neighbor++) {
          if (data[neighbor] <= threshold || labels[neighbor]) continue;
          labels[neighbor] = components.length;
          stack.push(neighbor);
        }
      }
    }
  }
  return { strength, labels, components };
}

/**
 * Return the median height of the components, weighted by ink.
 *
 * @param {Box[]} boxes
 * @returns {number}
 */
function medianDigitHeight(boxes) {
  const weighted = boxes
    .map(({ left, top, right, bottom, area }) => {
      const [height, width] = [bottom - top, right - left];
      const isFlat = width > FLAT_ASPECT_RATIO * height;
      const isHollow = area < MAX_HOLLOW_FILL * height * width;
      const factor = isFlat || isHollow ? 1e-6 : 1;
      return { height, weight: factor * Math.min(area, height ** 2) };
    })
    .sort((a, b) => a.height - b.height);
  const half = sum(weighted.map(({ weight }) => weight)) / 2;
  let total = 0;
  return weighted.find(({ weight }) => (total += weight) >= half)?.height ?? 0;
}

/**
 * Return some components as one, cropped.
 *
 * @param {InkMap} inkMap
 * @param {number[]} labels
 * @returns {{box: Box, strength: GrayImage}}
 */
function cropComponents(inkMap, labels) {
  const box = labels.map((label) => inkMap.components[label - 1]).reduce(unite);
  const { width, data } = inkMap.strength;
  const isSelected = new Uint8Array(inkMap.components.length + 1);
  for (const label of labels) isSelected[label] = 1;
  const crop = grayImage(box.right - box.left, box.bottom - box.top);
  const inside = new Float32Array(box.area);
  let count = 0;
  for (let y = box.top, k = 0; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++, k++) {
      const i = y * width + x;
      if (!data[i]) continue;
      if (isSelected[inkMap.labels[i]]) inside[count++] = crop.data[k] = data[i];
      // The soft edge of a stroke lies just outside the mask.
      else if (!inkMap.labels[i] && isAdjacent(inkMap, x, y, box, isSelected))
        crop.data[k] = data[i];
    }
  }
  // Not the maximum: a stroke is darkest where the pen stopped, and most of it is full ink.
  const fullInk = quantile(inside, 0.7);
  for (let k = 0; k < crop.data.length; k++) crop.data[k] = Math.min(crop.data[k] / fullInk, 1);
  return { box, strength: crop };
}

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {Box} the smallest box that contains both
 */
function unite(a, b) {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
    area: a.area + b.area,
  };
}

/**
 * @param {InkMap} inkMap
 * @param {number} x
 * @param {number} y
 * @param {Box} box
 * @param {Uint8Array} isSelected by label
 * @returns {boolean} whether one of the 8 neighbors belongs to a selected component
 */
function isAdjacent({ labels, strength }, x, y, box, isSelected) {
  for (let row = Math.max(y - 1, box.top); row <= y + 1 && row < box.bottom; row++) {
    for (let column = Math.max(x - 1, box.left); column <= x + 1 && column < box.right; column++) {
      if (isSelected[labels[row * strength.width + column]]) return true;
    }
  }
  return false;
}
