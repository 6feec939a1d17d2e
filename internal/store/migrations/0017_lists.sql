-- Which contacts are on broadcast lists that have no members of their own.
CREATE TABLE selections (
  organization_id TEXT NOT NULL, broadcast_id TEXT NOT NULL, filter TEXT NOT NULL,
  PRIMARY KEY (organization_id, broadcast_id)
);
