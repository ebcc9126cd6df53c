// Segmentation: merge the strokes of a digit, as in src/mnistcnn/ocr/segmentation.py.

// Two strokes of one digit, in digit heights: largest distance, and largest height and width of both
// together.
const MAX_DISTANCE = 0.16;
const MAX_MERGED_HEIGHT = 1.4;
const MAX_MERGED_WIDTH = 1.3;
// Height of a component, in digit heights, below which it is a stroke of a digit, not a digit.
const MAX_STROKE_HEIGHT = 0.6;
// Overlap of two tall components along x, as a fraction of the narrower one, above which they may be
// strokes of one digit. With less, they are merged only if that increases the confidence.
const MIN_HORIZONTAL_OVERLAP = 0.3;
// Confidence below which a component alone is not a digit.
const MIN_CONFIDENCE = 0.9;
// Confidence after a merge, relative to the confidence before it.
const MIN_RELATIVE_CONFIDENCE = 0.8;
// A digit of n strokes takes n - 1 rounds.
const MAX_ROUNDS = 3;

/**
 * Merge strokes of one digit that do not touch, where the network agrees.
 *
 * @param {Candidate[]} candidates
 * @param {number} digitHeight
 * @param {(labels: number[]) => Candidate} classify
 * @returns {Candidate[]}
 */
function mergeStrokes(candidates, digitHeight, classify) {
  let current = candidates;
  for (let i = 0; i < MAX_ROUNDS; i++) {
    /** @type {Set<Candidate>} */
    const used = new Set();
    /** @type {Candidate[]} */
    const merged = [];
    for (const [first, second] of mergeCandidates(current, digitHeight)) {
      if (used.has(first) || used.has(second)) continue;
      const both = classify([...first.labels, ...second.labels]);
      if (!isOneDigit(first, second, both, digitHeight)) continue;
      used.add(first).add(second);
      merged.push(both);
    }
    if (!merged.length) break;
    current = [...current.filter((candidate) => !used.has(candidate)), ...merged];
  }
  return current;
}

/**
 * Return the pairs that may be strokes of one digit, the nearest first.
 *
 * @param {Candidate[]} candidates
 * @param {number} digitHeight
 * @returns {[Candidate, Candidate][]}
 */
function mergeCandidates(candidates, digitHeight) {
  /** @type {{distance: number, pair: [Candidate, Candidate]}[]} */
  const pairs = [];
  candidates.forEach((first, i) => {
    for (const second of candidates.slice(i + 1)) {
      const [a, b] = [first.box, second.box];
      const height = Math.max(a.bottom, b.bottom) - Math.min(a.top, b.top);
      const width = Math.max(a.right, b.right) - Math.min(a.left, b.left);
      const gapX = Math.max(a.left, b.left) - Math.min(a.right, b.right);
      const gapY = Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom);
      const distance = Math.hypot(Math.max(gapX, 0), Math.max(gapY, 0));
      // With few strokes, the median height may be that of a stroke, lower than a digit.
      const scale = Math.max(digitHeight, a.bottom - a.top, b.bottom - b.top);
      if (
        height <= MAX_MERGED_HEIGHT * scale &&
        width <= MAX_MERGED_WIDTH * scale &&
        distance < MAX_DISTANCE * scale
      ) {
        pairs.push({ distance, pair: [first, second] });
      }
    }
  });
  return pairs.sort((a, b) => a.distance - b.distance).map(({ pair }) => pair);
}

/**
 * Return whether two candidates are strokes of one digit.
 *
 * @param {Candidate} first
 * @param {Candidate} second
 * @param {Candidate} merged
 * @param {number} digitHeight
 * @returns {boolean}
 */
function isOneDigit(first, second, merged, digitHeight) {
  const heights = [first, second].map(({ box }) => box.bottom - box.top);
  const taller = heights[0] > heights[1] ? first : second;
  if (Math.min(...heights) < MAX_STROKE_HEIGHT * digitHeight) {
    // The taller stroke alone may look like a digit, so the confidence need not increase.
    return merged.confidence > MIN_RELATIVE_CONFIDENCE * taller.confidence;
  }
  const lower = Math.min(first.confidence, second.confidence);
  const higher = Math.max(first.confidence, second.confidence);
  if (horizontalOverlap(first.box, second.box) > MIN_HORIZONTAL_OVERLAP) {
    return merged.confidence > MIN_RELATIVE_CONFIDENCE * lower;
  }
  return merged.confidence > (lower < MIN_CONFIDENCE ? MIN_CONFIDENCE : higher);
}

/**
 * @param {Box} a
 * @param {Box} b
 * @returns {number} overlap along x as a fraction of the narrower width; negative for a gap
 */
function horizontalOverlap(a, b) {
  const overlap = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  return overlap / Math.min(a.right - a.left, b.right - b.left);
}
