// Strokes of a round pen, rasterized with soft edges.

/** @typedef {{x: number, y: number}} Point */

/**
 * Draw a stroke: a line through some points.
 *
 * @param {GrayImage} strength modified in place
 * @param {Point[]} points
 * @param {number} width of the pen
 */
function drawStroke(strength, points, width) {
  points.forEach((point, i) => {
    drawSegment(strength, points[Math.max(i - 1, 0)], point, width / 2);
  });
}

/**
 * Draw the straight segment between two points.
 *
 * @param {GrayImage} strength modified in place
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 */
function drawSegment(strength, from, to, radius) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const squaredLength = dx * dx + dy * dy || 1;
  const margin = radius + 1;
  const left = Math.max(Math.floor(Math.min(from.x, to.x) - margin), 0);
  const right = Math.min(Math.ceil(Math.max(from.x, to.x) + margin), strength.width);
  const top = Math.max(Math.floor(Math.min(from.y, to.y) - margin), 0);
  const bottom = Math.min(Math.ceil(Math.max(from.y, to.y) + margin), strength.height);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const px = x + 0.5 - from.x;
      const py = y + 0.5 - from.y;
      // Fraction of the segment at its point nearest to the pixel.
      const t = clamp((px * dx + py * dy) / squaredLength, 0, 1);
      const distance = Math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2);
      const coverage = Math.min(radius + 0.5 - distance, 1);
      const i = y * strength.width + x;
      if (coverage > strength.data[i]) strength.data[i] = coverage;
    }
  }
}
