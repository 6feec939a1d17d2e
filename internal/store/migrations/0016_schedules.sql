-- When organizations are open.
CREATE TABLE schedules (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, time_zone TEXT NOT NULL, weekly TEXT NOT NULL, exceptions TEXT NOT NULL,
  standard BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX schedules_standard ON schedules (organization_id) WHERE standard = 1;
