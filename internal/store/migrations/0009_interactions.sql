-- What recipients did with messages, beside reading them and taking note of them: one row for each who, what and with
-- what, which "once" is made of. The detail is content.
CREATE TABLE interactions (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, once TEXT NOT NULL, kind TEXT NOT NULL, actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL, address_kind TEXT NOT NULL, address TEXT NOT NULL, detail TEXT NOT NULL, times BIGINT NOT NULL,
  at BIGINT NOT NULL, last_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, once)
);
CREATE INDEX interactions_contact ON interactions (organization_id, actor_id) WHERE actor_kind = 'contact';
