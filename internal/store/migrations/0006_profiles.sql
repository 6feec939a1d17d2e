-- What an organization knows of its users besides their names, and facts that are kept with teams, broadcast lists and channels.
CREATE TABLE profiles (
  organization_id TEXT NOT NULL, user_id TEXT NOT NULL, title TEXT NOT NULL, department TEXT NOT NULL, phone TEXT NOT NULL, avatar_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
CREATE TABLE entity_metadata (
  organization_id TEXT NOT NULL, kind TEXT NOT NULL, entity_id TEXT NOT NULL, metadata TEXT NOT NULL,
  PRIMARY KEY (organization_id, kind, entity_id)
);
