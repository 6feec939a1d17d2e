-- Addresses in messages that go out as short ones, for each delivery. The code leads to one wherever it is asked for.
CREATE TABLE links (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, delivery BIGINT NOT NULL, number BIGINT NOT NULL, code TEXT NOT NULL, url TEXT NOT NULL,
  PRIMARY KEY (organization_id, message_id, delivery, number)
);
CREATE UNIQUE INDEX links_code ON links (code);
