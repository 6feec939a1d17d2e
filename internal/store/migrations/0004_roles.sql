CREATE TABLE roles (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
  owner_required BIGINT NOT NULL, single_owner BIGINT NOT NULL, replay_history BIGINT NOT NULL, away_text TEXT NOT NULL,
  rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE role_members (
  organization_id TEXT NOT NULL, role_id TEXT NOT NULL, user_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, role_id, user_id)
);
CREATE INDEX role_members_user ON role_members (organization_id, user_id, role_id);
-- Who is on duty. The shift is the one that brought them, and ends it; empty where they came by hand.
CREATE TABLE role_owners (
  organization_id TEXT NOT NULL, role_id TEXT NOT NULL, user_id TEXT NOT NULL, shift_id TEXT NOT NULL, since BIGINT NOT NULL,
  PRIMARY KEY (organization_id, role_id, user_id)
);
CREATE INDEX role_owners_user ON role_owners (organization_id, user_id, role_id);
CREATE TABLE shifts (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, role_id TEXT NOT NULL, user_id TEXT NOT NULL, starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX shifts_role ON shifts (organization_id, role_id, starts_at, id);
CREATE INDEX shifts_ahead ON shifts (organization_id, role_id, state, ends_at) WHERE state <> 'over';
-- The earlier parts of users who took part in a conversation, left it and came back; participants has the last one.
CREATE TABLE past_parts (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, user_id TEXT NOT NULL, joined_sequence BIGINT NOT NULL,
  left_sequence BIGINT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, user_id, left_sequence)
) WITHOUT ROWID;
CREATE TABLE permission_sets (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX permission_sets_name ON permission_sets (organization_id, name);
-- The sets of a user. One with an empty id says that the user is limited to its sets, however few.
CREATE TABLE user_sets (
  organization_id TEXT NOT NULL, user_id TEXT NOT NULL, set_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, user_id, set_id)
);
CREATE INDEX user_sets_set ON user_sets (organization_id, set_id, user_id);
