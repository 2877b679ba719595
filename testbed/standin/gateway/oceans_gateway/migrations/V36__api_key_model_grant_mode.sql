ALTER TABLE api_keys ADD COLUMN reach text NOT NULL DEFAULT 'every model';
