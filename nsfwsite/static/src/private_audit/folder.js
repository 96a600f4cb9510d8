// Which files of a folder are images, in which group, and what they really are.

/**
 * A dropped file has a `path`, a chosen one `webkitRelativePath`.
 * @typedef {File & {path?: string}} FileWithPath
 */
/** @typedef {{file: File, path: string, group: string | null, expected: string | null}} FolderImage */
/** @typedef {{path: string, why: string}} PassedFile */

/** By name, because most systems tell the browser no type for formats that they do not know. */
const IMAGE_NAME = /\.(avif|bmp|gif|jfif|jpe?g|png|tiff?|webp)$/i;
const SYSTEM_FILE = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/**
 * Sort a folder's files into images and the rest, both by path.
 *
 * A folder that is named as a label says what its images really are. The first other folder below
 * the chosen one names their group. System files are in neither list.
 * @param {FileWithPath[]} files
 * @param {string[]} labels
 * @returns {{images: FolderImage[], passed: PassedFile[]}}
 */
export function sorted(files, labels) {
  /** @type {FolderImage[]} */
  const images = [];
  /** @type {PassedFile[]} */
  const passed = [];
  for (const file of files) {
    const path = file.path ?? (file.webkitRelativePath || file.name);
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (SYSTEM_FILE.test(name)) continue;
    if (!IMAGE_NAME.test(name)) passed.push({ path, why: "not an image, by its name" });
    else if (!file.size) passed.push({ path, why: "empty" });
    else images.push({ file, path, ...placeOf(path, labels) });
  }
  return { images: images.sort(byPath), passed: passed.sort(byPath) };
}

/** @param {string} path @param {string[]} labels */
function placeOf(path, labels) {
  const folders = path.split("/").slice(1, -1);
  /** @param {string} folder */
  const labelOf = (folder) => labels.find((label) => label === folder.toLowerCase());
  return {
    group: folders.find((folder) => !labelOf(folder)) ?? null,
    expected: folders.map(labelOf).find(Boolean) ?? null,
  };
}

/** @param {{path: string}} file @param {{path: string}} other */
const byPath = (file, other) => (file.path < other.path ? -1 : file.path > other.path ? 1 : 0);

/**
 * Every file in what was dropped; folders are read in full, however many files they hold.
 * @param {DataTransfer} transfer
 */
export async function droppedFiles(transfer) {
  /** @type {FileWithPath[]} */
  const files = [];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  for (const entry of entries) if (entry) await collectFiles(entry, files);
  return files;
}

/** @param {FileSystemEntry} entry @param {FileWithPath[]} files */
async function collectFiles(entry, files) {
  if (isFile(entry)) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    files.push(Object.assign(file, { path: entry.fullPath.slice(1) }));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  // A reader gives at most a hundred entries at a time.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    for (const child of batch) await collectFiles(child, files);
  }
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;
