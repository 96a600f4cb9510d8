"""The one still image in a file, found as Chromium finds it; one module for each format.

Pillow's own readers are stricter in some places and more generous in others. So these modules read
the container, as `image-file.js` does in the browser, and leave the compressed pixels to Pillow.
They use the standard library and Pillow alone, so that a decoding process starts fast.
"""
