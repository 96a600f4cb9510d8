// Take one image with the camera, when a button is pressed.

import { button, part, query } from "./dom.js";

/** @type {Record<string, string>} */
const REFUSALS = {
  NotAllowedError:
    "The camera was not allowed. You can allow it in your browser, or choose an image.",
  NotFoundError: "There is no camera. Choose an image instead.",
};

/**
 * @param {HTMLFormElement} form
 * @param {(image: File) => void} onImage
 */
export function setUpCamera(form, onImage) {
  const openButton = part(form, "camera");
  const viewfinder = part(form, "viewfinder");
  const video = query(viewfinder, "video", HTMLVideoElement);
  const takeButton = button(form, "take");
  const refusal = part(form, "camera-refused");
  if (!navigator.mediaDevices?.getUserMedia) {
    openButton.hidden = true;
    return;
  }

  function stop() {
    if (video.srcObject instanceof MediaStream) {
      for (const track of video.srcObject.getTracks()) track.stop();
    }
    video.srcObject = null;
    viewfinder.hidden = true;
    openButton.hidden = false;
  }

  openButton.addEventListener("click", async () => {
    refusal.hidden = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } });
      openButton.hidden = true;
      viewfinder.hidden = false;
      takeButton.disabled = true;
      await video.play();
      takeButton.disabled = false;
    } catch (problem) {
      stop();
      const { name, message } = /** @type {Error} */ (problem);
      refusal.textContent = REFUSALS[name] ?? `The camera did not start: ${message}`;
      refusal.hidden = false;
    }
  });
  part(form, "stop").addEventListener("click", stop);
  takeButton.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    stop();
    canvas.toBlob((blob) => blob && onImage(new File([blob], "camera.png", { type: blob.type })));
  });
}
