// Send the theme of the front page, which mnistcnn.css gives the frame, to the drawing page in it.
{
  const frame = document.querySelector(".drawing-page");
  const sendTheme = () =>
    frame.contentWindow.postMessage(getComputedStyle(frame).colorScheme, "*");
  frame.addEventListener("load", sendTheme);
  new MutationObserver(sendTheme).observe(document.body, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", sendTheme);
  sendTheme();
}
