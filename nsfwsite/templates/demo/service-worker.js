// Caches the demo's page, its scripts and its samples, so that it works offline. The page itself
// caches the model. No other page, no personal data and no upload is cached.
const PAGE = "{{ page|escapejs }}";
const DESCRIPTION = "{{ description|escapejs }}";
const FILES = [{% for file in files %}
  "{{ file|escapejs }}",{% endfor %}
];
const PREFIX = "speakup-shell-";
// Addresses of collected files carry a hash of their content.
const CACHE_NAME = PREFIX + hash(FILES.join());

function hash(text) {
  let sum = 5381;
  for (const letter of text) sum = ((sum * 33) ^ letter.charCodeAt(0)) >>> 0;
  return sum.toString(16);
}

/** As a stranger gets it: without the name and the cookies of a signed-in user. */
const anonymousRequest = (address) => new Request(address, { credentials: "omit" });

async function cacheAll() {
  const cache = await caches.open(CACHE_NAME);
  await cache.addAll([PAGE, DESCRIPTION, ...FILES].map(anonymousRequest));
}

async function deleteOldCaches() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE_NAME) await caches.delete(name);
  }
}

/** Cache page and description again where the description has changed: the model is another. */
async function refreshPage(description) {
  const cache = await caches.open(CACHE_NAME);
  const cached = await cache.match(DESCRIPTION);
  if ((await cached?.text()) !== (await description.text())) {
    await cache.addAll([PAGE, DESCRIPTION].map(anonymousRequest));
  }
}

async function networkFirst(event) {
  const { request } = event;
  try {
    const response = await fetch(request);
    if (response.ok && new URL(request.url).pathname === DESCRIPTION) {
      event.waitUntil(refreshPage(response.clone()).catch(() => {}));
    }
    return response;
  } catch (error) {
    const cache = await caches.open(CACHE_NAME);
    const copy = await cache.match(new URL(request.url).pathname, { ignoreVary: true });
    if (copy) return copy;
    throw error;
  }
}

async function cacheFirst(request) {
  const cache = await caches.open(CACHE_NAME);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(cacheAll());
});
self.addEventListener("activate", (event) => {
  event.waitUntil(deleteOldCaches().then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin || search) return;
  if (pathname === PAGE || pathname === DESCRIPTION) event.respondWith(networkFirst(event));
  else if (FILES.includes(pathname)) event.respondWith(cacheFirst(request));
});
