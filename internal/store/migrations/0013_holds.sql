-- Who wants content kept, whatever would have it go. Lifted ones stay, to tell of them.
CREATE TABLE holds (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, subject TEXT NOT NULL, subject_id TEXT NOT NULL, reason TEXT NOT NULL,
  placed_by_id TEXT NOT NULL, placed_at BIGINT NOT NULL, lifted_by_id TEXT NOT NULL, lifted_at BIGINT NOT NULL, lift_reason TEXT NOT NULL,
  rev BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX holds_active ON holds (organization_id, subject_id) WHERE lifted_at = 0;
CREATE INDEX holds_subject ON holds (organization_id, subject_id, id);
-- What has gone for everybody and only holds keep: messages and contacts, what made them go, and their content, column by column.
CREATE TABLE held (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, conversation_id TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE INDEX held_conversation ON held (organization_id, conversation_id, id) WHERE conversation_id <> '';
CREATE TABLE held_content (
  organization_id TEXT NOT NULL, held_id TEXT NOT NULL, place TEXT NOT NULL, item TEXT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (organization_id, held_id, place, item)
);
-- Files of such messages. The blob stays as long as there is one of these.
CREATE TABLE held_files (
  organization_id TEXT NOT NULL, media_id TEXT NOT NULL, held_id TEXT NOT NULL, name TEXT NOT NULL, content_type TEXT NOT NULL,
  size BIGINT NOT NULL, sha256 TEXT NOT NULL, uploader_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, media_id, held_id)
);
CREATE INDEX held_files_held ON held_files (organization_id, held_id, media_id);
-- Up to when the messages of a conversation were sent whose content has gone because it was kept for long enough.
CREATE TABLE retention_marks (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, through BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id)
) WITHOUT ROWID;
