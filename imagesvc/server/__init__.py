"""The uvicorn server: HTTP/1.1 connections, limits that uvicorn lacks, and early refusals."""
