-- Directory tables: small, never sharded.
CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, policy TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL
);
CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_at BIGINT NOT NULL
);
CREATE TABLE keys (
  id TEXT NOT NULL PRIMARY KEY, organization_id TEXT NOT NULL, account_id TEXT NOT NULL, user_id TEXT NOT NULL,
  name TEXT NOT NULL, scopes TEXT NOT NULL, rate_limit BIGINT NOT NULL, secret_hash TEXT NOT NULL,
  expires_at BIGINT NOT NULL, revoked_at BIGINT NOT NULL, created_at BIGINT NOT NULL
);
CREATE INDEX keys_organization ON keys (organization_id, id);
CREATE INDEX keys_account ON keys (account_id, id) WHERE account_id <> '';
-- What one node at a time does, of those that use the database.
CREATE TABLE leases (
  name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL
);

-- Tenant tables: organization_id leads every key and index but those of the named claims and sweeps.
CREATE TABLE organization_log (
  organization_id TEXT NOT NULL PRIMARY KEY, last_event BIGINT NOT NULL, oldest_event BIGINT NOT NULL,
  channels_rev BIGINT NOT NULL
);
CREATE TABLE users (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, account_id TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
  machine BIGINT NOT NULL, active BIGINT NOT NULL, metadata TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_account ON users (organization_id, account_id) WHERE account_id <> '';
CREATE INDEX accounts_users ON users (account_id, organization_id) WHERE account_id <> '';
CREATE TABLE teams (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE team_members (
  organization_id TEXT NOT NULL, team_id TEXT NOT NULL, user_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (organization_id, user_id, team_id);
CREATE TABLE broadcasts (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, member_count BIGINT NOT NULL,
  rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE broadcast_members (
  organization_id TEXT NOT NULL, broadcast_id TEXT NOT NULL, kind TEXT NOT NULL, member_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, broadcast_id, kind, member_id)
);
CREATE TABLE contacts (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, saved BIGINT NOT NULL, attributes TEXT NOT NULL,
  tags TEXT NOT NULL, external_id TEXT NOT NULL, opted_out BIGINT NOT NULL, last_channel_id TEXT NOT NULL,
  merged_into TEXT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX contacts_external ON contacts (organization_id, external_id) WHERE external_id <> '';
CREATE TABLE contact_addresses (
  organization_id TEXT NOT NULL, contact_id TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
  shared BIGINT NOT NULL, position BIGINT NOT NULL,
  PRIMARY KEY (organization_id, contact_id, kind, value)
);
CREATE UNIQUE INDEX contact_addresses_owner ON contact_addresses (organization_id, kind, value) WHERE shared = 0;
CREATE INDEX contact_addresses_shared ON contact_addresses (organization_id, kind, value, contact_id) WHERE shared = 1;
CREATE TABLE channels (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, connector TEXT NOT NULL, platform TEXT NOT NULL,
  address_kind TEXT NOT NULL, address TEXT NOT NULL, settings TEXT NOT NULL, thread TEXT NOT NULL, reopen TEXT NOT NULL,
  conversational BIGINT NOT NULL, open BIGINT NOT NULL, is_default BIGINT NOT NULL, rate BIGINT NOT NULL, concurrency BIGINT NOT NULL,
  on_unknown TEXT NOT NULL, paused BIGINT NOT NULL, deleted_at BIGINT NOT NULL, rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX channels_default ON channels (organization_id, address_kind) WHERE is_default = 1 AND deleted_at = 0;
CREATE TABLE channel_members (
  organization_id TEXT NOT NULL, channel_id TEXT NOT NULL, user_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, channel_id, user_id)
);
CREATE INDEX channel_members_user ON channel_members (organization_id, user_id, channel_id);
CREATE TABLE channel_rates (
  organization_id TEXT NOT NULL, channel_id TEXT NOT NULL, arrival BIGINT NOT NULL,
  PRIMARY KEY (organization_id, channel_id)
);
CREATE TABLE conversations (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, visibility TEXT NOT NULL, status TEXT NOT NULL,
  snoozed_until BIGINT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, avatar_id TEXT NOT NULL, thread_key TEXT NOT NULL, channel_id TEXT NOT NULL,
  assignees TEXT NOT NULL, tags TEXT NOT NULL, metadata TEXT NOT NULL, inbox BIGINT NOT NULL,
  last_sequence BIGINT NOT NULL, last_message_id TEXT NOT NULL, activity_at BIGINT NOT NULL,
  rev BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX conversations_thread ON conversations (organization_id, thread_key) WHERE thread_key <> '' AND status <> 'closed';
CREATE INDEX conversations_newest ON conversations (organization_id, thread_key, created_at, id) WHERE thread_key <> '';
CREATE INDEX conversations_activity ON conversations (organization_id, visibility, channel_id, status, activity_at, id);
CREATE TABLE participants (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, kind TEXT NOT NULL, participant_id TEXT NOT NULL,
  name TEXT NOT NULL, address_kind TEXT NOT NULL, address TEXT NOT NULL, joined_sequence BIGINT NOT NULL,
  left_sequence BIGINT NOT NULL, delivered_through BIGINT NOT NULL, read_through BIGINT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, kind, participant_id, address_kind, address)
) WITHOUT ROWID;
CREATE INDEX participants_who ON participants (organization_id, participant_id, conversation_id) WHERE participant_id <> '';
CREATE INDEX participants_address ON participants (organization_id, address_kind, address, conversation_id) WHERE address <> '';
CREATE TABLE marks (
  organization_id TEXT NOT NULL, conversation_id TEXT NOT NULL, user_id TEXT NOT NULL, kind TEXT NOT NULL,
  through BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, conversation_id, user_id, kind, through)
) WITHOUT ROWID;
CREATE TABLE messages (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, conversation_id TEXT NOT NULL, sequence BIGINT NOT NULL,
  sent_at BIGINT NOT NULL, created_at BIGINT NOT NULL, kind TEXT NOT NULL, direction TEXT NOT NULL,
  author_kind TEXT NOT NULL, author_id TEXT NOT NULL, author_name TEXT NOT NULL, channel_id TEXT NOT NULL,
  platform TEXT NOT NULL, body TEXT NOT NULL, attachments TEXT NOT NULL, reference TEXT NOT NULL, parent_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL, removed_at BIGINT NOT NULL, removed TEXT NOT NULL, details TEXT NOT NULL, ext TEXT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
-- With what lists are most often narrowed by: it is tried before the row is read.
CREATE INDEX messages_thread ON messages (organization_id, conversation_id, sent_at, sequence, direction, author_id);
CREATE INDEX messages_channel ON messages (organization_id, channel_id, id) WHERE channel_id <> '';
CREATE INDEX messages_reference ON messages (organization_id, reference, id) WHERE reference <> '';
CREATE UNIQUE INDEX messages_parent ON messages (organization_id, parent_id, conversation_id) WHERE parent_id <> '';
CREATE TABLE message_tags (
  organization_id TEXT NOT NULL, tag TEXT NOT NULL, message_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, tag, message_id)
) WITHOUT ROWID;
CREATE TABLE deliveries (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, number BIGINT NOT NULL, conversation_id TEXT NOT NULL,
  channel_id TEXT NOT NULL, recipient_kind TEXT NOT NULL, recipient_id TEXT NOT NULL, recipient_name TEXT NOT NULL,
  address_kind TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, phase TEXT NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, attempts BIGINT NOT NULL, next_at BIGINT NOT NULL, valid_until BIGINT NOT NULL, retry_of BIGINT NOT NULL,
  created_at BIGINT NOT NULL, sent_at BIGINT NOT NULL, delivered_at BIGINT NOT NULL, read_at BIGINT NOT NULL, ended_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, number)
);
CREATE TABLE attempts (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, delivery BIGINT NOT NULL, number BIGINT NOT NULL,
  started_at BIGINT NOT NULL, ended_at BIGINT NOT NULL, outcome TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL,
  request TEXT NOT NULL, status BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, delivery, number)
) WITHOUT ROWID;
CREATE TABLE provider_references (
  organization_id TEXT NOT NULL, channel_id TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
  message_id TEXT NOT NULL, delivery BIGINT NOT NULL,
  PRIMARY KEY (organization_id, channel_id, kind, value)
) WITHOUT ROWID;
CREATE TABLE acknowledgements (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, actor_kind TEXT NOT NULL, actor_id TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, actor_kind, actor_id)
) WITHOUT ROWID;
CREATE TABLE hidden_messages (
  organization_id TEXT NOT NULL, message_id TEXT NOT NULL, user_id TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, message_id, user_id)
) WITHOUT ROWID;
-- A row is a run of events: what one transaction added to one organization's log.
CREATE TABLE events (
  organization_id TEXT NOT NULL, through BIGINT NOT NULL, count BIGINT NOT NULL, at BIGINT NOT NULL, facts TEXT NOT NULL,
  PRIMARY KEY (organization_id, through)
);
CREATE TABLE idempotency (
  organization_id TEXT NOT NULL, scope TEXT NOT NULL, request_hash TEXT NOT NULL, status BIGINT NOT NULL,
  resource_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, scope)
) WITHOUT ROWID;
CREATE INDEX idempotency_sweep ON idempotency (created_at);
CREATE TABLE media (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, content_type TEXT NOT NULL, size BIGINT NOT NULL,
  sha256 TEXT NOT NULL, uploader_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE media_references (
  organization_id TEXT NOT NULL, media_id TEXT NOT NULL, message_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, media_id, message_id)
) WITHOUT ROWID;
CREATE INDEX media_references_message ON media_references (organization_id, message_id, media_id);
CREATE TABLE parked (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, channel_id TEXT NOT NULL, kind TEXT NOT NULL, reference TEXT NOT NULL,
  message_id TEXT NOT NULL, raw TEXT NOT NULL, reason TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX parked_reference ON parked (organization_id, channel_id, reference, id);
CREATE INDEX parked_message ON parked (organization_id, message_id) WHERE message_id <> '';

-- The queue. due_at is when a row may be claimed; a claimed row's due_at is the end of its lease. The id of a
-- delivery's job is its order and its place in it, so that the primary key is the order.
CREATE TABLE jobs (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, channel_id TEXT NOT NULL, priority BIGINT NOT NULL, due_at BIGINT NOT NULL, claimed BIGINT NOT NULL, attempt BIGINT NOT NULL,
  message_id TEXT NOT NULL, delivery BIGINT NOT NULL, payload TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE INDEX jobs_lane ON jobs (organization_id, channel_id, claimed, priority, due_at) WHERE kind = 'deliver';
CREATE INDEX jobs_timer ON jobs (kind, due_at) WHERE kind <> 'deliver';
