// Sends images to a detector with what every JavaScript runtime has, and prints its answer.
// `node client.mjs <address> <token> <file>…`

import { readFileSync } from "node:fs";

const [, , address, token, ...files] = process.argv;
const body = new FormData();
for (const file of files) {
  body.append("file", new Blob([readFileSync(file)], { type: "image/png" }), file);
}
const response = await fetch(address, {
  method: "POST",
  headers: { Authorization: `Bearer ${token}` },
  body,
});
process.stdout.write(await response.text());
