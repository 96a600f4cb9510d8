"""Which uploads are refused: files that are too large, empty, or no image that can be read."""

from django.core.files.uploadedfile import UploadedFile

from feedback.errors import ImageRefused
from modeltrain.images import codec
from modeltrain.images.codec import Limits, Pixels
from modeltrain.images.decoder import too_many_bytes_error

_DEFAULT_LIMITS = Limits()


def refuse_by_size(upload: "UploadedFile[bytes]") -> None:
    """Refuse what need not even be read."""
    size = upload.size or 0
    if size > _DEFAULT_LIMITS.max_bytes:
        raise _refusal(too_many_bytes_error(_DEFAULT_LIMITS, size))
    if not size:
        raise ImageRefused(
            rule="An image must not be empty.",
            received="0 bytes",
            remedy="Choose another file.",
        )


def decode_or_refuse(data: bytes, *, limits: Limits = _DEFAULT_LIMITS) -> Pixels:
    """Decode a stranger's file in a child process, or refuse it for the decoder's reason."""
    try:
        return codec.decode_in_child(data, limits=limits)
    except codec.DecodeError as error:
        raise _refusal(error) from error


def _refusal(error: codec.DecodeError) -> ImageRefused:
    return ImageRefused(
        rule=error.rule, received=error.received, remedy=error.remedy, code=error.code
    )
