"""The errors that the client raises: those of the service.

The distribution `imagesvc-client` has `imagesvc/errors.py` itself in this place.
"""

from imagesvc.errors import *  # noqa: F403
