-- Where deliveries went that fallbacks made: who answers there answers their messages. Addresses are hashed.
CREATE TABLE fallback_addresses (
  organization_id TEXT NOT NULL, channel_id TEXT NOT NULL, address TEXT NOT NULL, at BIGINT NOT NULL, message_id TEXT NOT NULL, delivery BIGINT NOT NULL,
  PRIMARY KEY (organization_id, channel_id, address, at, message_id, delivery)
) WITHOUT ROWID;
