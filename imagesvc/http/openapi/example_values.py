"""Values that several examples have."""

from __future__ import annotations

IMAGE, JOB = "019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803", "019aa5f0-3c1f-72a5-8b11-0e94c3d7a6f2"
COLLECTION, OWNER = "019aa5f1-02d4-7a9c-8c35-b1f0e6a94d57", "019aa5e8-7b30-7c1e-9d02-4f6a8e15b3c9"
KEY, WEBHOOK = "019aa5e9-1f42-7d83-a0b6-29c5f7e8d410", "019aa5f2-5a6b-7e04-b7d1-83a9c0f5e62b"
SESSION = "019aa5eb-4d60-7b19-8e57-c3f0a91d6b24"
DELIVERY, EVENT = "019aa5f3-0b1c-7f25-86e3-9d4a7c2b5f18", "019aa5f2-f0a3-7b46-9a57-c8e1d2f30b69"
DIGEST = "de9f0a5f3a337ce0e2edb2007351abc84bdfc0a81f98c26070c8ec2b8a35fef8"
ARCHIVE, SEARCH = "019aa5f4-1c2d-7a36-97f4-0e5b8d3c6a29", "019aa5f4-2d3e-7b47-88a5-1f6c9e4d7b3a"
MADE, DONE = "2026-05-03T09:14:07.120000Z", "2026-05-03T09:14:07.480000Z"
