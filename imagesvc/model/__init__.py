"""The nouns of the service: frozen data classes and typed ids; no I/O.

Words as in the glossary of `docs/architecture.md`: an *image* is a row that points at one
*blob*; a *variant* is the bytes of one *transform* of one original; a *job* is the durable
request to make some variants.
"""
