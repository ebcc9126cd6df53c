// The page in a frame, as on the front page of the documentation.

/**
 * Show the drawing and the prediction only, in the theme that the page around the frame sends.
 *
 * @param {() => void} applyTheme redraws the canvases
 */
function adaptToFrame(applyTheme) {
  const { classList, dataset } = document.documentElement;
  classList.add("embedded");
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || (data !== "light" && data !== "dark")) return;
    dataset.theme = data;
    applyTheme();
  });
}
