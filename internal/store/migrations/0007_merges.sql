-- What a conversation that was merged into another one is called by still. It never points to another such row.
CREATE TABLE merged_conversations (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, into_id TEXT NOT NULL, thread_key TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE INDEX merged_conversations_into ON merged_conversations (organization_id, into_id, id);
CREATE INDEX merged_conversations_thread ON merged_conversations (organization_id, thread_key, created_at, id) WHERE thread_key <> '';
