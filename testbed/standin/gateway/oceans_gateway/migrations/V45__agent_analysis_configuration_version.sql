ALTER TABLE session_findings ADD COLUMN settings_version integer NOT NULL DEFAULT 1;
