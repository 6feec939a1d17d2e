-- Copies of all that is kept about a contact, made for whoever asked. The file is deleted when its time is over.
CREATE TABLE contact_exports (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, contact_id TEXT NOT NULL, actor_id TEXT NOT NULL, state TEXT NOT NULL,
  media_id TEXT NOT NULL, size BIGINT NOT NULL, created_at BIGINT NOT NULL, ready_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX contact_exports_contact ON contact_exports (organization_id, contact_id, id);
-- Of which conversations an export has content, so that it goes with theirs.
CREATE TABLE export_conversations (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, export_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, export_id)
);
CREATE INDEX export_conversations_export ON export_conversations (organization_id, export_id, conversation_id);
-- What is left of contacts that were erased.
CREATE TABLE contact_erasures (
  organization_id TEXT NOT NULL, contact_id TEXT NOT NULL, actor_id TEXT NOT NULL, state TEXT NOT NULL, messages BIGINT NOT NULL,
  created_at BIGINT NOT NULL, ended_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, contact_id)
);
