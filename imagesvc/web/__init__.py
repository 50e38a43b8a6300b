"""HTML pages: the page of the API, and the home page."""
