-- What test organizations catch of what is posted to them: addresses of ours, and the requests to each, the newest of them.
CREATE TABLE hooks (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, secret TEXT NOT NULL, name TEXT NOT NULL, status BIGINT NOT NULL, times BIGINT NOT NULL,
  remaining BIGINT NOT NULL, delay BIGINT NOT NULL, caught BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE hook_requests (
  organization_id TEXT NOT NULL, hook_id TEXT NOT NULL, number BIGINT NOT NULL, at BIGINT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  query TEXT NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL, encoding TEXT NOT NULL, size BIGINT NOT NULL, address TEXT NOT NULL,
  status BIGINT NOT NULL,
  PRIMARY KEY (organization_id, hook_id, number)
);
