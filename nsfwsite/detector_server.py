"""The detector without the rest of the site: one model, without database, Redis and accounts.

If the environment has DETECTOR_KEY, requests must have it: `Authorization: Bearer KEY`.
"""

import argparse
import hmac
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import path

from modeltrain.images import codec
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from nsfwsite import env, server
from nsfwsite.body_limits import CLASSIFICATION_BYTES
from nsfwsite.detector import contract
from nsfwsite.detector.contract import Answer, Code, Problem

THREADS = 4


def application(classifier: Classifier, *, key: str) -> WSGIHandler:
    """Configure Django for the detector alone, and return it as a WSGI application."""

    def may_ask(request: HttpRequest) -> bool:
        expected, received = f"Bearer {key}", request.headers.get("Authorization", "")
        return not key or hmac.compare_digest(expected.encode(), received.encode())

    def detect(images: Sequence[bytes]) -> list[Answer]:
        return [_answer(classifier, image) for image in images]

    settings.configure(
        ALLOWED_HOSTS=["*"],
        BODY_MAX_BYTES={"classification": CLASSIFICATION_BYTES, "report": CLASSIFICATION_BYTES},
        DETECTOR_MAX_PARTS=env.DETECTOR_MAX_PARTS,
        DETECTOR_MAX_SIDE=env.DETECTOR_MAX_SIDE,
        MIDDLEWARE=[],
        ROOT_URLCONF=(
            path(
                contract.PATH[1:],
                lambda request: contract.respond(request, may_ask=may_ask, detect=detect),
            ),
        ),
    )
    return WSGIHandler()


def _answer(classifier: Classifier, image: bytes) -> Answer:
    try:
        pixels = codec.decode_in_child(image, limits=contract.image_limits())
    except codec.DecodeError as error:
        return contract.problem_of(error.code, str(error))
    except codec.MachineBusy as error:
        return Problem(Code.DETECTION_FAILED, str(error))
    return classifier.classify(pixels).scores


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m nsfwsite.detector_server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--artifact", type=Path, required=True, help="the model's folder")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=3000, help="0 for any that is free")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        classifier = Classifier(artifact.load(options.artifact))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    site = application(classifier, key=env.DETECTOR_KEY)
    detector = server.create(site, host=options.host, port=options.port, threads=THREADS)
    address = f"http://{detector.effective_host}:{detector.effective_port}{contract.PATH}"
    sys.stdout.write(f"Listening on {address} with model {classifier.artifact.version}\n")
    sys.stdout.flush()
    detector.run()


if __name__ == "__main__":
    main()
