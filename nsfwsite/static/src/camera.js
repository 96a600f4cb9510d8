// One picture from the camera, when a button is pressed.

const REFUSALS = {
  NotAllowedError:
    "The camera was not allowed. You can allow it in your browser, or choose an image.",
  NotFoundError: "There is no camera. Choose an image instead.",
};

export function camera(form, taken) {
  const part = (name) => form.querySelector(`[data-${name}]`);
  const opener = part("camera");
  const finder = part("viewfinder");
  const video = finder.querySelector("video");
  const refused = part("camera-refused");
  if (!navigator.mediaDevices?.getUserMedia) {
    opener.hidden = true;
    return;
  }

  function stop() {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    finder.hidden = true;
    opener.hidden = false;
  }

  opener.addEventListener("click", async () => {
    refused.hidden = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } });
      opener.hidden = true;
      finder.hidden = false;
      part("take").disabled = true;
      await video.play();
      part("take").disabled = false;
    } catch (problem) {
      stop();
      refused.textContent =
        REFUSALS[problem.name] ?? `The camera did not start: ${problem.message}`;
      refused.hidden = false;
    }
  });
  part("stop").addEventListener("click", stop);
  part("take").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    stop();
    canvas.toBlob((blob) => blob && taken(new File([blob], "camera.png", { type: blob.type })));
  });
}
