"""The errors that the client raises: those of the service.

The distribution `imagesvc-client` has the package `imagesvc/errors` itself in this place.
"""

from imagesvc.errors import *  # noqa: F403
