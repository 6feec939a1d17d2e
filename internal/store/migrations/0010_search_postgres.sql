-- Pages are read far more often than they are written: they are kept as they are.
ALTER TABLE search_pages ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE search_pages SET (autovacuum_vacuum_scale_factor = 0.1);
