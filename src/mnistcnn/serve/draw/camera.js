// The camera: a dialog with its live image, of which the visitor takes a photo.

// The largest photo has more detail than the canvas shows.
const CAMERA_VIDEO = { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } };
/** @type {Record<string, string>} messages by the name of the browser's error */
const CAMERA_ERRORS = {
  NotAllowedError: "The browser does not allow this page to use the camera.",
  NotFoundError: "The browser finds no camera.",
};
const OTHER_CAMERA_ERROR = "The camera cannot be used; another program may be using it.";

/**
 * Show the button that opens the camera, if the browser lets the page ask for one.
 *
 * @param {App} app
 */
function addCameraControls(app) {
  const openButton = getElement("camera", HTMLButtonElement);
  const dialog = getElement("camera-dialog", HTMLDialogElement);
  const video = getElement("camera-video", HTMLVideoElement);
  const takeButton = getElement("take-photo", HTMLButtonElement);
  // Browsers hide cameras from pages that came without encryption.
  openButton.hidden = !navigator.mediaDevices?.getUserMedia;
  openButton.addEventListener("click", async () => {
    app.showError("");
    takeButton.disabled = true;
    dialog.showModal();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: CAMERA_VIDEO });
      if (dialog.open) video.srcObject = stream;
      else stopStream(stream); // the dialog was closed in the meantime
    } catch (error) {
      dialog.close();
      app.showError(CAMERA_ERRORS[error instanceof DOMException ? error.name : ""] ?? OTHER_CAMERA_ERROR);
    }
  });
  video.addEventListener("loadeddata", () => {
    takeButton.disabled = false;
    takeButton.focus();
  });
  takeButton.addEventListener("click", async () => {
    const photo = await createImageBitmap(video);
    dialog.close();
    app.showImage(photo);
  });
  getElement("close-camera", HTMLButtonElement).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    if (video.srcObject instanceof MediaStream) stopStream(video.srcObject);
    video.srcObject = null;
  });
}

/** @param {MediaStream} stream */
function stopStream(stream) {
  for (const track of stream.getTracks()) track.stop();
}
