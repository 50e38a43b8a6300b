"""What survives kills, cuts and full disks: a real server, a real data directory."""
