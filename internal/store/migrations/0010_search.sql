-- The index of words. It is made of the log of events, and can be made anew of what there is.
CREATE TABLE search_state (
  organization_id TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, rev BIGINT NOT NULL, through BIGINT NOT NULL,
  last_segment BIGINT NOT NULL, filled TEXT NOT NULL
);
-- A segment holds some things of one space, and is written once. What one becomes a part of takes its place.
CREATE TABLE search_segments (
  organization_id TEXT NOT NULL, number BIGINT NOT NULL, space TEXT NOT NULL, state TEXT NOT NULL, docs BIGINT NOT NULL,
  first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, changed_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, number)
);
CREATE TABLE search_pages (
  organization_id TEXT NOT NULL, segment BIGINT NOT NULL, kind TEXT NOT NULL, word TEXT NOT NULL, part BIGINT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (organization_id, segment, kind, word, part)
);
-- What is still in segments up to one, and has to go from there.
CREATE TABLE search_gone (
  organization_id TEXT NOT NULL, space TEXT NOT NULL, id TEXT NOT NULL, segment BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, space, id, segment)
);
-- What contacts and conversations were like when they were indexed: a hash of their words, who sees them, and their place.
CREATE TABLE search_prints (
  organization_id TEXT NOT NULL, space TEXT NOT NULL, id TEXT NOT NULL, words BIGINT NOT NULL, scope BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, space, id)
) WITHOUT ROWID;
