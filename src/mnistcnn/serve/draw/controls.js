// Controls: mouse, touch and pen, keyboard, buttons, and image files.

// Distance in units of the canvas by which an arrow key moves the pen, and its factor with Shift.
const KEY_STEP = 10;
const SHIFT_FACTOR = 3;
/** @type {Record<string, [number, number]>} */
const KEY_DIRECTIONS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1],
  End: [-1, 1],
  PageUp: [1, -1],
  PageDown: [1, 1],
};

/**
 * Draw with mouse, finger or pen.
 *
 * @param {App} app
 */
function addPointerControls(app) {
  const { canvas } = app;
  /** @type {(event: PointerEvent) => Point} */
  const position = (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - left) / width) * CANVAS.width,
      y: ((event.clientY - top) / height) * CANVAS.height,
    };
  };
  canvas.addEventListener("pointerdown", (event) => {
    // A second finger does not draw.
    if (event.button !== 0 || (app.drawing.stroke && !app.cursor?.isDown)) return;
    app.endStroke();
    app.cursor = null;
    canvas.setPointerCapture(event.pointerId);
    app.startStroke(position(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const events = event.getCoalescedEvents?.() ?? [];
    app.extendStroke((events.length ? events : [event]).map(position));
  });
  canvas.addEventListener("lostpointercapture", () => app.endStroke());
}

/**
 * Draw with the keyboard.
 *
 * @param {App} app
 */
function addKeyboardControls(app) {
  const { canvas } = app;
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    app.cursor ??= initialCursor();
    const { cursor } = app;
    const { [event.key]: direction } = KEY_DIRECTIONS;
    if (direction) {
      const step = event.shiftKey ? SHIFT_FACTOR * KEY_STEP : KEY_STEP;
      cursor.x = clamp(cursor.x + step * direction[0], 0, CANVAS.width);
      cursor.y = clamp(cursor.y + step * direction[1], 0, CANVAS.height);
      if (cursor.isDown) app.extendStroke([{ x: cursor.x, y: cursor.y }]);
      else app.render();
    } else if (event.key === " " && !cursor.isDown) {
      app.endStroke();
      cursor.isDown = true;
      app.startStroke({ x: cursor.x, y: cursor.y });
      app.announce("The pen is down.");
    } else if (event.key === " " || event.key === "Escape") app.endStroke();
    else if (event.key === "Backspace") app.undoButton.click();
    else if (event.key === "Delete") app.clearButton.click();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible")) app.cursor ??= initialCursor();
    app.render();
  });
  canvas.addEventListener("blur", () => {
    if (app.cursor?.isDown) app.endStroke();
    app.render();
  });
}

/** @returns {Cursor} */
function initialCursor() {
  return { x: CANVAS.width / 2, y: CANVAS.height / 4, isDown: false };
}

/** @param {App} app */
function addButtons(app) {
  app.undoButton.addEventListener("click", () => app.edit(() => app.drawing.undo()));
  app.clearButton.addEventListener("click", () => app.edit(() => app.drawing.clear()));
}

/**
 * Open, paste or drop images.
 *
 * @param {App} app
 */
function addImageControls(app) {
  const input = getElement("file", HTMLInputElement);
  input.addEventListener("change", async () => {
    await app.openImage(input.files?.[0]);
    input.value = ""; // so that the same file can be opened again
  });
  document.addEventListener("paste", (event) => app.openImage(event.clipboardData?.files[0]));
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      app.canvas.classList.add("drop-target");
    });
  }
  for (const type of ["dragleave", "drop"]) {
    document.addEventListener(type, () => app.canvas.classList.remove("drop-target"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    app.openImage(event.dataTransfer?.files[0]);
  });
}
