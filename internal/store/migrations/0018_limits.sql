-- The places that messages take of what contacts get at most, until no limit counts them any more.
CREATE TABLE contact_places (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, delivery BIGINT NOT NULL, holder TEXT NOT NULL, class TEXT NOT NULL, platform TEXT NOT NULL,
  high BIGINT NOT NULL, at BIGINT NOT NULL, until_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, delivery)
);
CREATE INDEX contact_places_holder ON contact_places (organization_id, holder, until_at);
CREATE INDEX contact_places_until ON contact_places (organization_id, until_at);
