// Sign in with a passkey, add one, or use one as the second step. The forms are hidden without this.
import { part, query, queryAll } from "./dom.js";

const supported =
  "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** @param {HTMLFormElement} form */
async function newPasskey(form) {
  const { publicKey } = optionsOnPage().creation_options;
  const alone = query(form, "[name=passwordless]", HTMLInputElement).checked;
  const selection = publicKey.authenticatorSelection;
  selection.residentKey = alone ? "required" : "discouraged";
  selection.requireResidentKey = alone;
  if (alone) selection.userVerification = "required";
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey);
  return navigator.credentials.create({ publicKey: options });
}

/** @param {string | undefined} address where the options are, unless they are on the page */
async function storedPasskey(address) {
  const { request_options } = address ? await optionsAt(address) : optionsOnPage();
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(request_options.publicKey);
  return navigator.credentials.get({ publicKey: options });
}

function optionsOnPage() {
  return JSON.parse(query(document, "#passkey-options", HTMLScriptElement).textContent ?? "");
}

/** @param {string} address */
async function optionsAt(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`The site answered ${response.status}.`);
  return response.json();
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const kind = form.dataset.passkey;
  const credential = await (kind === "add" ? newPasskey(form) : storedPasskey(kind));
  if (!(credential instanceof PublicKeyCredential)) throw new Error("There is no passkey.");
  query(form, "[name=credential]", HTMLInputElement).value = JSON.stringify(credential.toJSON());
  form.submit();
}

for (const place of supported ? queryAll(document, "form[data-passkey]") : []) {
  const form = /** @type {HTMLFormElement} */ (place);
  form.hidden = false;
  for (const note of queryAll(document, "[data-without-passkeys]")) note.hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = part(form, "problem");
    problem.hidden = true;
    try {
      await send(form);
    } catch (error) {
      // Browsers say why in words for their developers; what to do is always the same.
      console.info(error);
      problem.textContent =
        "The browser used no passkey. Try again, or choose another way to sign in.";
      problem.hidden = false;
    }
  });
}
