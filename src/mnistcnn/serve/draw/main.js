// The entry point of the page.

/**
 * Start the page.
 *
 * @param {string} weights of the network: little-endian 32-bit floats in base64
 * @param {string} rejectorWeights of the network that detects what is no digit
 */
function start(weights, rejectorWeights) {
  const startTime = performance.now();
  const rejector = createRejector(decodeFloats(rejectorWeights));
  const app = new App(createNetwork(decodeFloats(weights)), rejector);
  addPointerControls(app);
  addKeyboardControls(app);
  addButtons(app);
  addImageControls(app);
  addCameraControls(app);
  const applyTheme = () => {
    app.showResults();
    app.render();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
  if (window.parent !== window) adaptToFrame(applyTheme);
  // The observer also reports the initial size, after layout: the first prediction does not wait
  // for it.
  new ResizeObserver(() => app.render()).observe(app.canvas);
  app.update();
  performance.measure("first prediction", { start: startTime });
}
