// The admin's scripts use jQuery, which turns text into markup. Here, that text is sanitised first.
import DOMPurify from "dompurify";
import { ownAddress, policy } from "./trusted-types.js";

policy("default", {
  createHTML: (text) => DOMPurify.sanitize(text, { FORCE_BODY: true }),
  createScriptURL: ownAddress,
});
