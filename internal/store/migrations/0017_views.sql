-- Whom conversations are given to, and their tags, one by one, to be found by.
CREATE TABLE conversation_labels (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, kind, label)
) WITHOUT ROWID;
CREATE UNIQUE INDEX conversation_labels_label ON conversation_labels (organization_id, kind, label, conversation_id);
-- Lists of conversations that somebody keeps: what they are narrowed to.
CREATE TABLE views (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, owner_kind TEXT NOT NULL, owner_id TEXT NOT NULL, name TEXT NOT NULL, place BIGINT NOT NULL,
  filter TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX views_owner ON views (organization_id, owner_kind, owner_id, place, id);
