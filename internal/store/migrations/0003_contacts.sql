-- What was merged into a contact, so that its ids go on answering it, and go with it.
CREATE INDEX contacts_merged ON contacts (organization_id, merged_into, id) WHERE merged_into <> '';
-- What an organization keeps of its contacts, by key.
CREATE TABLE attribute_definitions (
  organization_id TEXT NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL, label TEXT NOT NULL, choices TEXT NOT NULL,
  archived BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, key)
);
