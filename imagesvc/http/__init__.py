"""What all routes share: operations, requests, problem documents, pages, conditional requests."""
