ALTER TABLE model_routes ADD COLUMN remarks jsonb;
