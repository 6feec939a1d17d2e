CREATE TABLE templates (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, latest BIGINT NOT NULL, published BIGINT NOT NULL,
  rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX templates_name ON templates (organization_id, name);
CREATE TABLE template_versions (
  organization_id TEXT NOT NULL, template_id TEXT NOT NULL, number BIGINT NOT NULL, state TEXT NOT NULL, default_locale TEXT NOT NULL,
  locales TEXT NOT NULL, variables TEXT NOT NULL, created_at BIGINT NOT NULL, published_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, template_id, number)
);
-- The place is the title in lower case, by which they are in order.
CREATE TABLE saved_replies (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, owner_kind TEXT NOT NULL, owner_id TEXT NOT NULL, title TEXT NOT NULL, place TEXT NOT NULL,
  shortcut TEXT NOT NULL, folder TEXT NOT NULL, tags TEXT NOT NULL, body TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX saved_replies_owner ON saved_replies (organization_id, owner_kind, owner_id, place, id);
CREATE UNIQUE INDEX saved_replies_shortcut ON saved_replies (organization_id, owner_kind, owner_id, shortcut) WHERE shortcut <> '';
