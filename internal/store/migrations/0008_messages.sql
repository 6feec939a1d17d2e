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
