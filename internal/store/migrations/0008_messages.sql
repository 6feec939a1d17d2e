-- What messages have to do with each other and with people, beside what they hold themselves.

-- The replies of a thread, under the message that began it.
CREATE TABLE replies (
  organization_id TEXT NOT NULL, root_id TEXT NOT NULL, sequence BIGINT NOT NULL, message_id TEXT NOT NULL, sent_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, root_id, sequence, message_id)
) WITHOUT ROWID;
-- The messages of a conversation that ask to be acknowledged.
CREATE TABLE ack_requests (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, sequence BIGINT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, sequence, message_id)
) WITHOUT ROWID;
-- The messages that were sent in one request.
CREATE TABLE message_batches (
  organization_id TEXT NOT NULL, batch_id TEXT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, batch_id, message_id)
) WITHOUT ROWID;
-- The contacts who got blind copies of messages: they take no part in the conversations.
CREATE TABLE blind_copies (
  organization_id TEXT NOT NULL, contact_id TEXT NOT NULL, conversation_id TEXT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, contact_id, conversation_id, message_id)
) WITHOUT ROWID;
-- The forwards of a message, which hold a copy of its content.
CREATE TABLE forwards (
  organization_id TEXT NOT NULL, source_id TEXT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, source_id, message_id)
) WITHOUT ROWID;
-- What messages said before they were edited.
CREATE TABLE message_versions (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL, editor_kind TEXT NOT NULL, editor_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, number)
);
