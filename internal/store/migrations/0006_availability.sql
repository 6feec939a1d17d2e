-- Users who do not want to be disturbed, and who gets meanwhile what is written to them.
CREATE TABLE do_not_disturb (
  organization_id TEXT NOT NULL, user_id TEXT NOT NULL, since BIGINT NOT NULL, until BIGINT NOT NULL, text TEXT NOT NULL,
  forward_kind TEXT NOT NULL, forward_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
-- What who wrote to such a user was told in a conversation, so that it is not told again.
CREATE TABLE away_notices (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, user_id TEXT NOT NULL, told TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, user_id)
);
CREATE TABLE mutes (
  organization_id TEXT NOT NULL, user_id TEXT NOT NULL, conversation_id TEXT NOT NULL, until BIGINT NOT NULL,
  PRIMARY KEY (organization_id, user_id, conversation_id)
);
