-- Attempts to log in, which all nodes count together. A crash of PostgreSQL forgets them.

-- Buckets by digest, as of names and addresses, and when each is full again.
CREATE UNLOGGED TABLE log_in_tries (
  key bytea PRIMARY KEY,
  full_at timestamptz NOT NULL
);
CREATE INDEX ix_log_in_tries_full_at ON log_in_tries (full_at);

-- Names with addresses from which their users have come, by digest.
CREATE UNLOGGED TABLE known_log_ins (
  key bytea PRIMARY KEY,
  used_at timestamptz NOT NULL
);
CREATE INDEX ix_known_log_ins_used_at ON known_log_ins (used_at);
