"""Shared by all routes: operations, requests, problem documents, pages, conditional requests."""
