-- The clocks of test organizations: an organization that has one is a test organization. At a moment of the real time a
-- clock showed another; it stands, or has gone on since. The target is where it is on its way to, 0 where it is on none.
CREATE TABLE clocks (
  organization_id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, shows BIGINT NOT NULL, stands BIGINT NOT NULL,
  target BIGINT NOT NULL, resumes BIGINT NOT NULL
);
