-- What becomes of messages to a role that nobody acknowledges.
CREATE TABLE escalation_policies (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, role_id TEXT NOT NULL, name TEXT NOT NULL, always BIGINT NOT NULL, after BIGINT NOT NULL,
  steps TEXT NOT NULL, group_life BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX escalation_policies_role ON escalation_policies (organization_id, role_id);
-- Messages that go from one to the next until somebody acknowledges them, each with the policy as it was at its start.
CREATE TABLE escalations (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, code TEXT NOT NULL, message_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
  role_id TEXT NOT NULL, originator_id TEXT NOT NULL, group_id TEXT NOT NULL, copy_id TEXT NOT NULL, level BIGINT NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, started_by_id TEXT NOT NULL, started_at BIGINT NOT NULL, due_at BIGINT NOT NULL, ended_by_id TEXT NOT NULL,
  ended_at BIGINT NOT NULL, policy TEXT NOT NULL, sequence BIGINT NOT NULL, group_sequence BIGINT NOT NULL, rev BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX escalations_active ON escalations (organization_id, message_id) WHERE state = 'active';
CREATE INDEX escalations_copy ON escalations (organization_id, copy_id) WHERE copy_id <> '';
CREATE INDEX escalations_state ON escalations (organization_id, state, id);
CREATE INDEX escalations_role ON escalations (organization_id, role_id, id);
CREATE INDEX escalations_message ON escalations (organization_id, message_id, id);
CREATE INDEX escalations_conversation ON escalations (organization_id, conversation_id, id);
CREATE INDEX escalations_group ON escalations (organization_id, group_id, id) WHERE group_id <> '';
-- Who takes part by name in a group in which roles do, and so does not leave it by going off duty.
CREATE TABLE role_guests (
  organization_id TEXT NOT NULL, user_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, user_id, conversation_id)
);
