-- Endpoints that events of an organization's log are posted to; how far each is, and which node works on it; what was posted.
CREATE TABLE webhooks (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, format TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, key_id TEXT NOT NULL,
  paused BIGINT NOT NULL, reason TEXT NOT NULL, secrets TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE webhook_places (
  organization_id TEXT NOT NULL, webhook_id TEXT NOT NULL, through BIGINT NOT NULL, holder TEXT NOT NULL, held_until BIGINT NOT NULL,
  window_start BIGINT NOT NULL, window_count BIGINT NOT NULL,
  PRIMARY KEY (organization_id, webhook_id)
);
CREATE TABLE webhook_posts (
  organization_id TEXT NOT NULL, webhook_id TEXT NOT NULL, at BIGINT NOT NULL, sequence BIGINT NOT NULL, part BIGINT NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL, attempts BIGINT NOT NULL, status BIGINT NOT NULL, code TEXT NOT NULL, tried_at BIGINT NOT NULL, next_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, webhook_id, at, sequence, part)
) WITHOUT ROWID;
CREATE INDEX webhook_posts_waiting ON webhook_posts (organization_id, webhook_id, next_at) WHERE next_at > 0;
