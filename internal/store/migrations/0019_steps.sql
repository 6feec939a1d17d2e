-- Deliveries that fallbacks of escalations made. Nothing goes out any more of those that are over.
CREATE TABLE escalation_fallbacks (
  organization_id TEXT NOT NULL, escalation_id TEXT NOT NULL, number BIGINT NOT NULL, level BIGINT NOT NULL, fallback BIGINT NOT NULL,
  user_id TEXT NOT NULL, message_id TEXT NOT NULL, delivery BIGINT NOT NULL, over BIGINT NOT NULL,
  PRIMARY KEY (organization_id, escalation_id, number)
);
CREATE UNIQUE INDEX escalation_fallbacks_delivery ON escalation_fallbacks (organization_id, message_id, delivery);
