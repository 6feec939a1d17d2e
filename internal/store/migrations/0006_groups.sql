-- What groups are besides conversations.
CREATE TABLE groups (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, forum BIGINT NOT NULL, replay_history BIGINT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id)
);
CREATE INDEX groups_forum ON groups (organization_id, conversation_id) WHERE forum = 1;
INSERT INTO groups (organization_id, conversation_id, forum, replay_history)
  SELECT organization_id, id, 0, 0 FROM conversations WHERE kind = 'group';
