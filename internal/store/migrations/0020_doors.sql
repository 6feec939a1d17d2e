-- What a key is permitted at other doors than the native one, in their words: JSON by the name of the door.
ALTER TABLE keys ADD COLUMN doors TEXT NOT NULL DEFAULT '';
