// Keeps the demo's page, its program and its samples, so that it works offline. The model is kept
// by the page itself. No other page, nothing of anybody's, and nothing that is sent.
const PAGE = "{{ page|escapejs }}";
const DESCRIPTION = "{{ description|escapejs }}";
const FILES = [{% for file in files %}
  "{{ file|escapejs }}",{% endfor %}
];
const PREFIX = "speakup-shell-";
// Addresses of collected files carry a hash of what is in them.
const NAME = PREFIX + hash(FILES.join());

function hash(text) {
  let sum = 5381;
  for (const letter of text) sum = ((sum * 33) ^ letter.charCodeAt(0)) >>> 0;
  return sum.toString(16);
}

/** As a stranger gets it: without the name or the cookies of whoever is signed in. */
const asStranger = (address) => new Request(address, { credentials: "omit" });

async function keepAll() {
  const kept = await caches.open(NAME);
  await kept.addAll([PAGE, DESCRIPTION, ...FILES].map(asStranger));
}

async function dropOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== NAME) await caches.delete(name);
  }
}

/** The page was made for another model: keep it anew with its description. */
async function renew(fresh) {
  const kept = await caches.open(NAME);
  const before = await kept.match(DESCRIPTION);
  if ((await before?.text()) !== (await fresh.text())) {
    await kept.addAll([PAGE, DESCRIPTION].map(asStranger));
  }
}

async function fromSite(event) {
  const { request } = event;
  try {
    const fresh = await fetch(request);
    if (fresh.ok && new URL(request.url).pathname === DESCRIPTION) {
      event.waitUntil(renew(fresh.clone()).catch(() => {}));
    }
    return fresh;
  } catch (problem) {
    const kept = await caches.open(NAME);
    const copy = await kept.match(new URL(request.url).pathname, { ignoreVary: true });
    if (copy) return copy;
    throw problem;
  }
}

async function fromHere(request) {
  const kept = await caches.open(NAME);
  return (await kept.match(request, { ignoreVary: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepAll());
});
self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin || search) return;
  if (pathname === PAGE || pathname === DESCRIPTION) event.respondWith(fromSite(event));
  else if (FILES.includes(pathname)) event.respondWith(fromHere(request));
});
