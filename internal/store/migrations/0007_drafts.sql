-- What somebody has not sent yet; content, which goes when it is sent or deleted.
CREATE TABLE drafts (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, conversation_id TEXT NOT NULL, user_id TEXT NOT NULL, shared BIGINT NOT NULL,
  body TEXT NOT NULL, attachments TEXT NOT NULL, internal BIGINT NOT NULL, reply_to_id TEXT NOT NULL, rev BIGINT NOT NULL,
  created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX drafts_conversation ON drafts (organization_id, conversation_id, id);
CREATE INDEX drafts_user ON drafts (organization_id, user_id, id);
