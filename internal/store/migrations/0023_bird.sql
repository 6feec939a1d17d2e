-- Forms by which somebody may upload one file without a key, and the channel that it is for. They go with the file, or unused.
CREATE TABLE upload_forms (
  organization_id TEXT NOT NULL, media_id TEXT NOT NULL, channel_id TEXT NOT NULL, content_type TEXT NOT NULL, user_id TEXT NOT NULL,
  secret_hash TEXT NOT NULL, expires_at BIGINT NOT NULL, used BIGINT NOT NULL,
  PRIMARY KEY (organization_id, media_id)
) WITHOUT ROWID;
