-- How soon customers are to be answered, and how conversations stand with it: due and breached are those of their clocks, 0 for none.
CREATE TABLE sla_policies (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, policy TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE sla_clocks (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, policy_id TEXT NOT NULL, due_at BIGINT NOT NULL, breached_at BIGINT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id)
);
CREATE INDEX sla_clocks_due ON sla_clocks (organization_id, due_at, conversation_id) WHERE due_at > 0;
CREATE INDEX sla_clocks_breached ON sla_clocks (organization_id, breached_at, conversation_id) WHERE breached_at > 0;
