-- Rules that answer messages from outside, and when they did last.
CREATE TABLE auto_replies (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, rule TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
-- About a conversation or a sender. Those of no rule count what all of them answer in a conversation within an hour.
CREATE TABLE auto_reply_marks (
  organization_id TEXT NOT NULL, rule_id TEXT NOT NULL, about TEXT NOT NULL, at BIGINT NOT NULL, times BIGINT NOT NULL,
  PRIMARY KEY (organization_id, about, rule_id)
);
CREATE INDEX auto_reply_marks_rule ON auto_reply_marks (organization_id, rule_id);
