-- Whom somebody called to a conversation, and whether they have come: an item of it that has the words.
CREATE TABLE pages (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, conversation_id TEXT NOT NULL, message_id TEXT NOT NULL, who_kind TEXT NOT NULL, who_id TEXT NOT NULL,
  by_id TEXT NOT NULL, urgency TEXT NOT NULL, each_one BIGINT NOT NULL, state TEXT NOT NULL, remind_every BIGINT NOT NULL, reminders BIGINT NOT NULL,
  reminded BIGINT NOT NULL, ended_by TEXT NOT NULL, ended_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX pages_state ON pages (organization_id, state, id);
CREATE INDEX pages_who ON pages (organization_id, who_kind, who_id, state, id);
CREATE INDEX pages_conversation ON pages (organization_id, conversation_id, id);
CREATE INDEX pages_message ON pages (organization_id, message_id, id);
-- Who has resolved a page that each resolves for themselves.
CREATE TABLE page_answers (
  organization_id TEXT NOT NULL, page_id TEXT NOT NULL, user_id TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, page_id, user_id)
) WITHOUT ROWID;
