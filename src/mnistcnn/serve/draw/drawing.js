// The drawing: strokes and images, with undo, and the ink that they leave.

// Size of the drawing in units of its own, whatever size the canvas has on the screen. An image may
// need a finer resolution.
const CANVAS = { width: 480, height: 320 };
const DEFAULT_PEN_WIDTH = 26;
// The example that the page starts with, a 3 of two arcs.
const EXAMPLE_ARCS = [
  { x: 238, y: 107, radius: 44, from: -2.6, to: 1.7 },
  { x: 236, y: 206, radius: 56, from: -1.5, to: 2.6 },
];

/** @typedef {{kind: "stroke", points: Point[], width: number}} Stroke */
/**
 * An image: its transparent pixels have the brightness of the background.
 *
 * @typedef {object} LoadedImage
 * @property {"image"} kind
 * @property {ImageBitmap} bitmap
 * @property {number} background 1 is white, 0 black
 * @property {number} scale pixels of the ink per unit of the canvas
 * @property {GrayImage} ink
 */
/** @typedef {Stroke | LoadedImage | {kind: "clear"}} Action */

class Drawing {
  /** @type {Action[]} */
  #history = [];
  /** @type {Stroke | null} */
  example = { kind: "stroke", points: EXAMPLE_ARCS.flatMap(arcPoints), width: DEFAULT_PEN_WIDTH };
  /** @type {Stroke | null} the stroke in progress */
  stroke = null;
  ink = grayImage(CANVAS.width, CANVAS.height);
  /** Pixels of the ink per unit of the canvas. */
  scale = 1;

  constructor() {
    this.#redraw();
  }

  /** @returns {boolean} */
  get canUndo() {
    return this.#history.length > 0;
  }

  /** @returns {(Stroke | LoadedImage)[]} what is visible; only the first one can be an image */
  get content() {
    if (this.example) return [this.example];
    /** @type {(Stroke | LoadedImage)[]} */
    const content = this.stroke ? [this.stroke] : [];
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const action = this.#history[i];
      if (action.kind === "clear") break;
      content.unshift(action);
      if (action.kind === "image") break;
    }
    return content;
  }

  /**
   * Start a stroke, and remove the example.
   *
   * @param {Point} point
   * @param {number} width of the pen
   */
  startStroke(point, width) {
    this.endStroke();
    if (this.example) {
      this.example = null;
      this.#redraw();
    }
    this.stroke = { kind: "stroke", points: [point], width };
    this.#drawStroke([point], width);
  }

  /** @param {Point[]} points */
  extendStroke(points) {
    if (!this.stroke) return;
    const last = this.stroke.points[this.stroke.points.length - 1];
    this.#drawStroke([last, ...points], this.stroke.width);
    this.stroke.points.push(...points);
  }

  endStroke() {
    if (this.stroke) this.#history.push(this.stroke);
    this.stroke = null;
  }

  undo() {
    this.endStroke();
    this.#history.pop();
    this.#redraw();
  }

  clear() {
    this.endStroke();
    if (!this.example && this.content.length) this.#history.push({ kind: "clear" });
    this.example = null;
    this.#redraw();
  }

  /** @param {LoadedImage} image replaces the content */
  showImage(image) {
    this.endStroke();
    this.example = null;
    this.#history.push(image);
    this.#redraw();
  }

  /** Compute the ink from scratch, since strokes cannot be removed from it. */
  #redraw() {
    const [first] = this.content;
    this.scale = first?.kind === "image" ? first.scale : 1;
    const [width, height] = [CANVAS.width, CANVAS.height].map((side) => side * this.scale);
    this.ink = grayImage(Math.round(width), Math.round(height));
    for (const item of this.content) {
      if (item.kind === "image") this.ink.data.set(item.ink.data);
      else this.#drawStroke(item.points, item.width);
    }
  }

  /**
   * @param {Point[]} points
   * @param {number} width
   */
  #drawStroke(points, width) {
    const scaled = points.map(({ x, y }) => ({ x: x * this.scale, y: y * this.scale }));
    drawStroke(this.ink, scaled, width * this.scale);
  }
}

/**
 * @param {{x: number, y: number, radius: number, from: number, to: number}} arc angles in radians
 * @returns {Point[]}
 */
function arcPoints({ x, y, radius, from, to }) {
  return Array.from({ length: 41 }, (_, i) => {
    const angle = from + ((to - from) * i) / 40;
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle) };
  });
}
