ALTER TABLE model_routes ADD COLUMN dialect text;
