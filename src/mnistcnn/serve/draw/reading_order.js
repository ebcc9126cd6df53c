// Reading order: group digits into lines. A simpler version of src/mnistcnn/ocr/reading_order.py.

// Vertical overlap of two boxes, relative to the lower height, for them to be on the same line.
const MIN_VERTICAL_OVERLAP = 0.4;

/**
 * Return the digits by line, from top to bottom, each line from left to right.
 *
 * @template {Digit} T
 * @param {T[]} digits
 * @returns {T[][]}
 */
function groupIntoLines(digits) {
  /** @type {T[][]} */
  const lines = [];
  for (const digit of [...digits].sort((a, b) => a.box.left - b.box.left)) {
    const overlaps = lines.map((line) => verticalOverlap(line[line.length - 1].box, digit.box));
    const best = overlaps.indexOf(Math.max(...overlaps));
    if (best >= 0 && overlaps[best] > MIN_VERTICAL_OVERLAP) lines[best].push(digit);
    else lines.push([digit]);
  }
  return lines.sort(([a], [b]) => a.box.top + a.box.bottom - b.box.top - b.box.bottom);
}

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {number} overlap along y as a fraction of the lower height; negative for a gap
 */
function verticalOverlap(a, b) {
  const overlap = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return overlap / Math.min(a.bottom - a.top, b.bottom - b.top);
}
