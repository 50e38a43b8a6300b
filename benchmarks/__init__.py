"""Speed and memory as ratios against limits measured in the same run; see README.md."""
