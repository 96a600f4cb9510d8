// Elements by selector, with their type. A page that lacks one is broken, so the error names it.

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function query(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} ${selector}.`);
  return element;
}

/** @param {ParentNode} root @param {string} selector */
export function queryAll(root, selector) {
  return /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(selector));
}

/** The element marked `data-name`. @param {ParentNode} root @param {string} name */
export const part = (root, name) => query(root, `[data-${name}]`, HTMLElement);

/** @param {ParentNode} root @param {string} name */
export const button = (root, name) => query(root, `[data-${name}]`, HTMLButtonElement);

/** A copy of the one element in a template. @param {ParentNode} root @param {string} name */
export function copyTemplate(root, name) {
  const { content } = query(root, `template[data-${name}]`, HTMLTemplateElement);
  return query(/** @type {DocumentFragment} */ (content.cloneNode(true)), "*", HTMLElement);
}

/**
 * Put files into a file input, as if they had been chosen there.
 * @param {HTMLInputElement} input
 * @param {Iterable<File>} files
 */
export function setFiles(input, files) {
  const list = new DataTransfer();
  for (const file of files) list.items.add(file);
  input.files = list.files;
}

/** @param {HTMLInputElement} input @returns {File[]} */
export const filesOf = (input) => [...(input.files ?? [])];
