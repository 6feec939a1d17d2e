-- The provider's ids of what an attempt became: a JSON array; empty: it said none.
ALTER TABLE attempts ADD COLUMN provider_ids TEXT NOT NULL DEFAULT '';
