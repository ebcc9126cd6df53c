// The state of the page: the drawing, the recognized digits and how they are displayed.

// Number of digits above which the prediction has a smaller font.
const MAX_LARGE_DIGITS = 12;
const MOSTLY_DOUBTFUL =
  "Most of what stands out in this image is probably not a digit. Show digits alone, on a plain background.";

/** @typedef {Point & {isDown: boolean}} Cursor */

class App {
  drawing = new Drawing();
  /** @type {Digit[][]} */
  lines = [];
  /** @type {Digit[]} */
  digits = [];
  selectedIndex = 0;
  /** @type {Cursor | null} the pen of the keyboard */
  cursor = null;
  canvas = getElement("canvas", HTMLCanvasElement);
  undoButton = getElement("undo", HTMLButtonElement);
  clearButton = getElement("clear", HTMLButtonElement);
  penWidth = getElement("pen-width", HTMLInputElement);
  #hint = getElement("hint", HTMLElement);
  #error = getElement("error", HTMLElement);
  #imageNote = getElement("image-note", HTMLElement);
  #prediction = getElement("prediction", HTMLElement);
  #announcement = getElement("announcement", HTMLElement);
  #digitButtons = getElement("digits", HTMLElement);
  #time = getElement("time", HTMLElement);
  #showProbabilities = createBarChart(getElement("probabilities", HTMLElement));
  #recognize;
  #isScheduled = false;
  #isRendered = false;

  /**
   * @param {Network} network
   * @param {(image: Uint8Array) => number} rejector
   */
  constructor(network, rejector) {
    this.#recognize = createRecognizer(network, rejector);
  }

  /** Recognize the digits and display the results. */
  update() {
    const start = performance.now();
    this.lines = this.#recognize(connectedComponents(this.drawing.ink, 0.5));
    this.digits = this.lines.flat();
    const penTip = this.drawing.stroke?.points.at(-1);
    const drawnIndex = penTip ? this.#digitAt(penTip) : -1;
    const lastIndex = Math.max(this.digits.length - 1, 0);
    this.selectedIndex = drawnIndex >= 0 ? drawnIndex : Math.min(this.selectedIndex, lastIndex);
    this.showResults();
    if (this.#isRendered) this.render();
    performance.clearMeasures("recognition");
    const { duration } = performance.measure("recognition", { start });
    this.#time.textContent = this.digits.length
      ? `Recognized and displayed in ${duration.toFixed(1)} ms.`
      : "";
  }

  /** Update once per frame, however many events occur. */
  #scheduleUpdate() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.update();
    });
  }

  /**
   * @param {Point} point
   * @returns {number} index of the digit whose box contains the point, or -1
   */
  #digitAt(point) {
    const [x, y] = [point.x * this.drawing.scale, point.y * this.drawing.scale];
    return this.digits.findIndex(
      ({ box }) => x >= box.left && x < box.right && y >= box.top && y < box.bottom,
    );
  }

  /** Display the prediction, the probabilities, the network input and the feature maps. */
  showResults() {
    const { [this.selectedIndex]: digit } = this.digits;
    this.#showPrediction();
    this.#showDigitButtons();
    this.#showProbabilities(digit?.probabilities ?? new Float32Array(10));
    renderInput(digit?.crop ?? new Uint8Array(28 * 28));
    renderFeatureMaps("conv1", digit?.output.conv1 ?? new Float32Array(26 * 26 * 32), 26);
    renderFeatureMaps("conv2", digit?.output.conv2 ?? new Float32Array(11 * 11 * 64), 11);
    this.undoButton.disabled = !this.drawing.canUndo;
    this.clearButton.disabled = !this.drawing.content.length;
    this.#hint.hidden = !this.drawing.example;
    this.#imageNote.hidden = this.drawing.content[0]?.kind !== "image";
  }

  #showPrediction() {
    const { length } = this.digits;
    this.#prediction.textContent = this.#labels().join("\n") || "–";
    this.#prediction.classList.toggle("long", length > MAX_LARGE_DIGITS);
    if (length === 1) {
      this.#prediction.append(createElement("small", "", describeConfidence(this.digits[0])));
    }
    if (!length) this.#prediction.append(createElement("small", "", "no digit yet"));
  }

  /** Display a button for each of several digits. Buttons are reused, so that they keep the focus. */
  #showDigitButtons() {
    const { children } = this.#digitButtons;
    const count = this.digits.length > 1 ? this.digits.length : 0;
    while (children.length > count) this.#digitButtons.lastElementChild?.remove();
    for (let i = children.length; i < count; i++) {
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => {
        this.selectedIndex = i;
        this.showResults();
        this.render();
      });
      this.#digitButtons.append(button);
    }
    Array.from(children).forEach((button, i) => {
      const { [i]: digit } = this.digits;
      button.textContent = digit.text;
      button.setAttribute("aria-label", `${digit.text}, ${describeConfidence(digit)}`);
      button.setAttribute("aria-pressed", `${i === this.selectedIndex}`);
    });
  }

  /** @returns {string[]} the labels and marks, line by line */
  #labels() {
    return this.lines.map((line) => line.map(({ text }) => text).join(" "));
  }

  /** Draw the canvas and the cursor of the keyboard. */
  render() {
    this.#isRendered = true;
    const selected = this.digits[this.selectedIndex];
    const context = renderCanvas(this.canvas, this.drawing, this.digits, selected);
    const { cursor } = this;
    if (!cursor || document.activeElement !== this.canvas) return;
    context.strokeStyle = cssVariable("--accent");
    context.lineWidth = cursor.isDown ? 4 : 2;
    context.beginPath();
    context.arc(cursor.x, cursor.y, Number(this.penWidth.value) / 2 + 3, 0, 2 * Math.PI);
    context.stroke();
  }

  /**
   * Announce a text, by default the result, to users of screen readers.
   *
   * @param {string} [text]
   */
  announce(text) {
    const { digits } = this;
    const labels = this.#labels();
    if (text) this.#announcement.textContent = text;
    else if (!digits.length) this.#announcement.textContent = "The canvas is blank.";
    else if (digits.length > 1)
      this.#announcement.textContent = `Recognized ${digits.length} digits: ${labels}`;
    else
      this.#announcement.textContent = `Recognized ${labels}, ${describeConfidence(digits[0])}`;
  }

  /** @param {Point} point */
  startStroke(point) {
    this.showError("");
    this.drawing.startStroke(point, Number(this.penWidth.value));
    this.#scheduleUpdate();
  }

  /** @param {Point[]} points */
  extendStroke(points) {
    this.drawing.extendStroke(points);
    this.#scheduleUpdate();
  }

  endStroke() {
    if (this.cursor) this.cursor.isDown = false;
    if (!this.drawing.stroke) return;
    this.update(); // before the stroke ends, so that its digit is selected
    this.drawing.endStroke();
    this.showResults();
    this.announce();
  }

  /** @param {() => void} change of the drawing, other than a stroke */
  edit(change) {
    this.showError("");
    if (this.cursor) this.cursor.isDown = false;
    change();
    this.update();
    this.announce();
  }

  /**
   * Open an image file.
   *
   * @param {Blob | null | undefined} file
   */
  async openImage(file) {
    if (!file) return;
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      this.showError("The browser cannot open this file as an image.");
      return;
    }
    this.showImage(bitmap);
  }

  /**
   * Replace the drawing by an image, and report an image without readable digits.
   *
   * @param {ImageBitmap} bitmap
   */
  showImage(bitmap) {
    const image = loadImage(bitmap);
    this.selectedIndex = 0;
    this.edit(() => this.drawing.showImage(image));
    const numDoubtful = this.digits.filter(({ text }) => text === DOUBTFUL_MARK).length;
    if (!this.digits.length) this.showError("No digits found in this image.");
    else if (numDoubtful > this.digits.length / 2) this.showError(MOSTLY_DOUBTFUL);
  }

  /** @param {string} message empty: no error */
  showError(message) {
    this.#error.textContent = message;
  }
}
