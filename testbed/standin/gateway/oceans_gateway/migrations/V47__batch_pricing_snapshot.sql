ALTER TABLE batch_jobs ADD COLUMN prices jsonb;
