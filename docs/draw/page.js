// The page: what a visitor does, and what follows from it.

// The keyboard moves the pen by this; with Shift, by three times as much.
const STEP = 10;
/** @type {Record<string, [number, number]>} */
const WAYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1],
  End: [-1, 1],
  PageUp: [1, -1],
  PageDown: [1, 1],
};
// More digits than this are said in smaller letters.
const MANY = 12;

/**
 * Start the page.
 *
 * @param {string} weights in base64
 */
function start(weights) {
  const began = performance.now();
  const read = makeReader(makeNetwork(decoded(weights)));
  const sheet = new Sheet();
  const paper = element("paper", HTMLCanvasElement);
  const undo = element("undo", HTMLButtonElement);
  const clear = element("clear", HTMLButtonElement);
  const penWidth = element("pen", HTMLInputElement);
  const file = element("file", HTMLInputElement);
  const hint = element("hint", HTMLElement);
  const problem = element("problem", HTMLElement);
  const said = element("said", HTMLElement);
  const spoken = element("spoken", HTMLElement);
  const choice = element("digits", HTMLElement);
  const bars = makeBars(element("bars", HTMLElement));
  const time = element("time", HTMLElement);

  /** @type {Digit[][]} */
  let lines = [];
  /** @type {Digit[]} */
  let digits = [];
  let chosen = 0;
  /** @type {(Point & {down: boolean}) | null} where the keyboard has the pen */
  let keys = null;
  let isWaiting = false;
  let isPainted = false;

  /** Read the paper and show the answer. */
  function update() {
    const start = performance.now();
    lines = read(connected(sheet.ink, 0.5));
    digits = lines.flat();
    const last = sheet.stroke?.points.at(-1);
    const under = last ? digits.findIndex(({ box }) => holds(box, last)) : -1;
    chosen = under >= 0 ? under : Math.min(chosen, Math.max(digits.length - 1, 0));
    show();
    if (isPainted) paint();
    performance.clearMeasures("read");
    const took = performance.measure("read", { start }).duration;
    time.textContent = digits.length ? `Read and shown in ${took.toFixed(1)} ms.` : "";
  }

  /** Read and show once in a frame, however many events came. */
  function soon() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      update();
    });
  }

  /**
   * @param {Box} box
   * @param {Point} point
   * @returns {boolean}
   */
  function holds({ left, top, right, bottom }, point) {
    const [x, y] = [point.x * sheet.scale, point.y * sheet.scale];
    return x >= left && x < right && y >= top && y < bottom;
  }

  /** Show the answer as text, bars, glyph and maps. */
  function show() {
    const { [chosen]: digit } = digits;
    const isAlone = digits.length === 1;
    const texts = lines.map((line) => line.map(({ label }) => label).join(" "));
    said.textContent = texts.join("\n") || "–";
    said.classList.toggle("long", digits.length > MANY);
    if (isAlone) said.append(made("small", "", percent(digit.sure)));
    if (!digits.length) said.append(made("small", "", "nothing to read yet"));
    showChoice();
    bars(digit?.answer.probabilities ?? new Float32Array(10));
    paintGlyph(digit?.glyph ?? new Uint8Array(28 * 28));
    paintMaps("conv1", digit?.answer.conv1 ?? new Float32Array(26 * 26 * 32), 26);
    paintMaps("conv2", digit?.answer.conv2 ?? new Float32Array(11 * 11 * 64), 11);
    undo.disabled = !sheet.canUndo;
    clear.disabled = !sheet.content.length;
    hint.hidden = !sheet.example;
  }

  /** Offer several digits to choose from; the buttons stay, so that focus does. */
  function showChoice() {
    const count = digits.length > 1 ? digits.length : 0;
    while (choice.children.length > count) choice.lastElementChild?.remove();
    for (let i = choice.children.length; i < count; i++) {
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => {
        chosen = i;
        show();
        paint();
      });
      choice.append(button);
    }
    Array.from(choice.children).forEach((button, i) => {
      const { label, sure } = digits[i];
      button.textContent = `${label}`;
      button.setAttribute("aria-label", `${label}, ${percent(sure)}`);
      button.setAttribute("aria-pressed", `${i === chosen}`);
    });
  }

  /** Paint the paper, and where the keyboard has the pen. */
  function paint() {
    isPainted = true;
    const pen = paintPaper(paper, sheet, digits, digits[chosen]);
    if (!keys || document.activeElement !== paper) return;
    pen.strokeStyle = styled("--accent");
    pen.lineWidth = keys.down ? 4 : 2;
    pen.beginPath();
    pen.arc(keys.x, keys.y, Number(penWidth.value) / 2 + 3, 0, 2 * Math.PI);
    pen.stroke();
  }

  /** Say what was read, for those who hear the page. */
  function speak() {
    const texts = lines.map((line) => line.map(({ label }) => label).join(" "));
    if (!digits.length) spoken.textContent = "The paper is blank.";
    else if (digits.length > 1) spoken.textContent = `I read ${digits.length} digits: ${texts}`;
    else spoken.textContent = `I read ${articled(digits[0].label)}, ${percent(digits[0].sure)}`;
  }

  /** @param {Point} point */
  function begin(point) {
    problem.textContent = "";
    sheet.begin(point, Number(penWidth.value));
    soon();
  }

  /** @param {Point[]} points */
  function go(points) {
    sheet.go(points);
    soon();
  }

  function end() {
    if (keys) keys.down = false;
    if (!sheet.stroke) return;
    update(); // before it ends, so that its digit is the chosen one
    sheet.end();
    show();
    speak();
  }

  /** @param {() => void} change */
  function change(change) {
    problem.textContent = "";
    if (keys) keys.down = false;
    change();
    update();
    speak();
  }

  /** @param {Blob | null | undefined} blob */
  async function open(blob) {
    if (!blob) return;
    try {
      const picture = pictureOf(await createImageBitmap(blob));
      chosen = 0;
      change(() => sheet.put(picture));
      if (!digits.length) problem.textContent = "No digits were found in this picture.";
    } catch {
      problem.textContent = "This file is not a picture that the browser can open.";
    }
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  function placeOf(event) {
    const { left, top, width, height } = paper.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * PAPER.width,
      y: ((event.clientY - top) / height) * PAPER.height,
    };
  }

  paper.addEventListener("pointerdown", (event) => {
    // A second finger does not draw.
    if (event.button !== 0 || (sheet.stroke && !keys?.down)) return;
    end();
    keys = null;
    paper.setPointerCapture(event.pointerId);
    begin(placeOf(event));
  });
  paper.addEventListener("pointermove", (event) => {
    if (!paper.hasPointerCapture(event.pointerId)) return;
    const all = event.getCoalescedEvents?.() ?? [];
    go((all.length ? all : [event]).map(placeOf));
  });
  paper.addEventListener("lostpointercapture", end);

  paper.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    keys ??= { x: PAPER.width / 2, y: PAPER.height / 4, down: false };
    const { [event.key]: way } = WAYS;
    if (way) {
      const far = event.shiftKey ? 3 * STEP : STEP;
      keys.x = clamped(keys.x + far * way[0], 0, PAPER.width);
      keys.y = clamped(keys.y + far * way[1], 0, PAPER.height);
      if (keys.down) go([{ x: keys.x, y: keys.y }]);
      else paint();
    } else if (event.key === " " && !keys.down) {
      end();
      keys.down = true;
      begin({ x: keys.x, y: keys.y });
      spoken.textContent = "The pen is down.";
    } else if (event.key === " " || event.key === "Escape") end();
    else if (event.key === "Backspace") undo.click();
    else if (event.key === "Delete") clear.click();
    else return;
    event.preventDefault();
  });
  paper.addEventListener("focus", () => {
    const byKey = paper.matches(":focus-visible");
    if (byKey) keys ??= { x: PAPER.width / 2, y: PAPER.height / 4, down: false };
    paint();
  });
  paper.addEventListener("blur", () => {
    if (keys?.down) end();
    paint();
  });

  undo.addEventListener("click", () => change(() => sheet.undo()));
  clear.addEventListener("click", () => change(() => sheet.clear()));
  file.addEventListener("change", async () => {
    await open(file.files?.[0]);
    file.value = ""; // so that the same file can be opened again
  });
  document.addEventListener("paste", (event) => open(event.clipboardData?.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      paper.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    document.addEventListener(kind, () => paper.classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer?.files[0]);
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    show();
    paint();
  });
  // It paints at once, too, as soon as the page is laid out; the answer need not wait for that.
  new ResizeObserver(paint).observe(paper);
  update();
  performance.measure("first answer", { start: began });
}

/**
 * @param {number} label
 * @returns {string}
 */
function articled(label) {
  return label === 8 ? "an 8" : `a ${label}`;
}
