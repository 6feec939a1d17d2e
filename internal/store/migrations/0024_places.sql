-- Up to where keys have confirmed that they have the events of the log, and which later ones.
CREATE TABLE event_places (
  organization_id TEXT NOT NULL, key_id TEXT NOT NULL, through BIGINT NOT NULL, confirmed TEXT NOT NULL,
  PRIMARY KEY (organization_id, key_id)
);
