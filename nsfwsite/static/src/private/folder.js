// Which files of a folder are pictures, of which group, and what they really are.

/** By name, because most systems tell a browser no type for what it does not know. */
const PICTURE = /\.(avif|bmp|gif|jfif|jpe?g|png|tiff?|webp)$/i;
const ALONE = /^(\.|Thumbs\.db$|desktop\.ini$)/i; // what systems leave behind in folders

/**
 * Sort a folder's files into pictures and the rest.
 *
 * A folder that is named as a label says what its pictures really are; the first other folder below
 * the chosen one names their group. Where all are said to be safe, a label is not needed.
 * Returns `{pictures: [{file, path, group, expected}], passed: [{path, why}]}`, sorted by path.
 */
export function sorted(files, labels) {
  const pictures = [];
  const passed = [];
  for (const file of files) {
    const path = file.path ?? (file.webkitRelativePath || file.name);
    const folders = path.split("/").slice(1, -1);
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (ALONE.test(name)) continue;
    if (!PICTURE.test(name)) {
      passed.push({ path, why: "not a picture, by its name" });
      continue;
    }
    if (!file.size) {
      passed.push({ path, why: "empty" });
      continue;
    }
    const label = (folder) => labels.find((one) => one === folder.toLowerCase());
    pictures.push({
      file,
      path,
      group: folders.find((folder) => !label(folder)) ?? null,
      expected: folders.map(label).find(Boolean) ?? null,
    });
  }
  const byPath = (one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0);
  return { pictures: pictures.sort(byPath), passed: passed.sort(byPath) };
}

/** Every file below what was dropped; folders are read in full, however many files they hold. */
export async function dropped(transfer) {
  const found = [];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    file.path = entry.fullPath.slice(1);
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  // A reader gives at most a hundred entries at a time.
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}
