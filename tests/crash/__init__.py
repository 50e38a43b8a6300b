"""Kills, interrupted writes and full disks: a real server and a real data directory."""
