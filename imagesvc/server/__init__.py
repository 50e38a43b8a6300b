"""HTTP/1.1 connections: bounds that uvicorn lacks, and requests refused before they are one."""
