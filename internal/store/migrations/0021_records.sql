-- The ids that recorded messages have where they happened: each names one message. They are hashes, as such an id may say much.
CREATE TABLE record_ids (
  organization_id TEXT NOT NULL, hash TEXT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, hash)
);
-- How many messages with a contact somebody has recorded since the first of a time that still goes on.
CREATE TABLE record_counts (
  organization_id TEXT NOT NULL, contact_id TEXT NOT NULL, recorder TEXT NOT NULL, recorded BIGINT NOT NULL, until_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, contact_id, recorder)
);
CREATE INDEX record_counts_until ON record_counts (organization_id, until_at);
