// The sheet of paper: strokes and pictures, what of them can be undone, and the ink they make.

// Strokes are kept in a field of this size, whatever size the paper has on the screen; a
// picture may need a finer one.
const PAPER = { width: 480, height: 320 };
const PEN = 26;
// A 3 to begin with, so that there is something to see at once: two bows, each with its middle,
// radius, and the angles between which it runs.
const EXAMPLE = [
  { x: 238, y: 107, radius: 44, from: -2.6, to: 1.7 },
  { x: 236, y: 206, radius: 56, from: -1.5, to: 2.6 },
];

/** @typedef {{kind: "stroke", points: Point[], width: number}} Stroke */
/** @typedef {{kind: "picture", bitmap: ImageBitmap, scale: number, ink: Field}} Picture */
/** @typedef {Stroke | Picture | {kind: "clear"}} Deed */

class Sheet {
  /** @type {Deed[]} */
  #deeds = [];
  /** @type {Stroke | null} */
  example = { kind: "stroke", points: EXAMPLE.flatMap(bow), width: PEN };
  /** @type {Stroke | null} the one that is being drawn */
  stroke = null;
  ink = field(PAPER.width, PAPER.height);
  /** Pixels of the ink for one of the paper. */
  scale = 1;

  constructor() {
    this.#recover();
  }

  /** @returns {boolean} */
  get canUndo() {
    return this.#deeds.length > 0;
  }

  /** @returns {(Stroke | Picture)[]} what is on the paper now; a picture can only be the first */
  get content() {
    if (this.example) return [this.example];
    /** @type {(Stroke | Picture)[]} */
    const found = this.stroke ? [this.stroke] : [];
    for (let i = this.#deeds.length - 1; i >= 0; i--) {
      const deed = this.#deeds[i];
      if (deed.kind === "clear") break;
      found.unshift(deed);
      if (deed.kind === "picture") break;
    }
    return found;
  }

  /**
   * Put the pen down. The example makes way.
   *
   * @param {Point} point
   * @param {number} width of the pen
   */
  begin(point, width) {
    this.end();
    if (this.example) {
      this.example = null;
      this.#recover();
    }
    this.stroke = { kind: "stroke", points: [point], width };
    this.#cover([point], width);
  }

  /** @param {Point[]} points where the pen went on to */
  go(points) {
    if (!this.stroke) return;
    const last = this.stroke.points[this.stroke.points.length - 1];
    this.#cover([last, ...points], this.stroke.width);
    this.stroke.points.push(...points);
  }

  /** Lift the pen. */
  end() {
    if (this.stroke) this.#deeds.push(this.stroke);
    this.stroke = null;
  }

  undo() {
    this.end();
    this.#deeds.pop();
    this.#recover();
  }

  clear() {
    this.end();
    if (!this.example && this.content.length) this.#deeds.push({ kind: "clear" });
    this.example = null;
    this.#recover();
  }

  /** @param {Picture} picture in the place of all that was there */
  put(picture) {
    this.end();
    this.example = null;
    this.#deeds.push(picture);
    this.#recover();
  }

  /** Make the ink anew, after something was taken away. */
  #recover() {
    const [first] = this.content;
    this.scale = first?.kind === "picture" ? first.scale : 1;
    this.ink = field(Math.round(PAPER.width * this.scale), Math.round(PAPER.height * this.scale));
    for (const deed of this.content) {
      if (deed.kind === "picture") this.ink.data.set(deed.ink.data);
      else this.#cover(deed.points, deed.width);
    }
  }

  /**
   * @param {Point[]} points
   * @param {number} width
   */
  #cover(points, width) {
    const { ink, scale } = this;
    const places = points.map(({ x, y }) => ({ x: x * scale, y: y * scale }));
    addStroke(ink, places, width * scale);
  }
}

/**
 * @param {{x: number, y: number, radius: number, from: number, to: number}} bow
 * @returns {Point[]}
 */
function bow({ x, y, radius, from, to }) {
  return Array.from({ length: 41 }, (_, i) => {
    const angle = from + ((to - from) * i) / 40;
    return { x: x + radius * Math.cos(angle), y: y + radius * Math.sin(angle) };
  });
}
