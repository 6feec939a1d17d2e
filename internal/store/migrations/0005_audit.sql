-- Who did what, each row with a hash over the one before. Rows are added and, when they are old, deleted; never changed.
CREATE TABLE audit (
  organization_id TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, actor TEXT NOT NULL, user_id TEXT NOT NULL,
  key_id TEXT NOT NULL, act TEXT NOT NULL, subject TEXT NOT NULL, subject_id TEXT NOT NULL, changes TEXT NOT NULL,
  address TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (organization_id, sequence)
);
CREATE INDEX audit_user ON audit (organization_id, user_id, sequence);
CREATE INDEX audit_subject ON audit (organization_id, subject_id, sequence);
-- Where each organization's rows end, and where those begin that are kept.
CREATE TABLE audit_heads (
  organization_id TEXT NOT NULL PRIMARY KEY, last_sequence BIGINT NOT NULL, last_hash TEXT NOT NULL,
  dropped_sequence BIGINT NOT NULL, dropped_hash TEXT NOT NULL
);
INSERT INTO audit_heads (organization_id, last_sequence, last_hash, dropped_sequence, dropped_hash)
  SELECT id, 0, '', 0, '' FROM organizations;
