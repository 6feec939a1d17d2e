-- What few conversations have: one gets a row when it is given any of it.
CREATE TABLE conversation_details (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, external_id TEXT NOT NULL, priority BIGINT NOT NULL, attributes TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX conversation_details_external ON conversation_details (organization_id, external_id) WHERE external_id <> '';
-- Who changed what of a conversation, and when. It outlives the events.
CREATE TABLE conversation_history (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, at BIGINT NOT NULL, id TEXT NOT NULL, sequence BIGINT NOT NULL,
  actor_kind TEXT NOT NULL, actor_id TEXT NOT NULL, reason TEXT NOT NULL, changes TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, at, id)
) WITHOUT ROWID;
-- What an organization keeps of its conversations, by key.
CREATE TABLE conversation_attributes (
  organization_id TEXT NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL, label TEXT NOT NULL, choices TEXT NOT NULL,
  archived BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, key)
);
