-- What was merged into a contact, so that its ids go on answering it, and go with it.
CREATE INDEX contacts_merged ON contacts (organization_id, merged_into, id) WHERE merged_into <> '';
