-- When contacts were changed last; one that never was has no row.
CREATE TABLE contact_changes (
  organization_id TEXT NOT NULL, contact_id TEXT NOT NULL, changed_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, contact_id)
) WITHOUT ROWID;
-- The ids of contacts in other systems, by what an organization calls these.
CREATE TABLE contact_external_ids (
  organization_id TEXT NOT NULL, source TEXT NOT NULL, value TEXT NOT NULL, contact_id TEXT NOT NULL,
  PRIMARY KEY (organization_id, source, value)
);
CREATE UNIQUE INDEX contact_external_ids_contact ON contact_external_ids (organization_id, contact_id, source);
-- What addresses do not want: a class of messages, on a platform or (empty) on all. Of an erased address its hash is kept.
CREATE TABLE suppressions (
  organization_id TEXT NOT NULL, address_kind TEXT NOT NULL, address TEXT NOT NULL, platform TEXT NOT NULL, class TEXT NOT NULL,
  id TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, actor_id TEXT NOT NULL, message_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, address_kind, address, platform, class)
);
CREATE UNIQUE INDEX suppressions_id ON suppressions (organization_id, id);
-- Whose messages are parked: a contact's, or those of an address.
CREATE TABLE blocked_senders (
  organization_id TEXT NOT NULL, id TEXT NOT NULL, contact_id TEXT NOT NULL, address_kind TEXT NOT NULL, address TEXT NOT NULL,
  note TEXT NOT NULL, actor_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX blocked_senders_contact ON blocked_senders (organization_id, contact_id) WHERE contact_id <> '';
CREATE UNIQUE INDEX blocked_senders_address ON blocked_senders (organization_id, address_kind, address) WHERE address <> '';
