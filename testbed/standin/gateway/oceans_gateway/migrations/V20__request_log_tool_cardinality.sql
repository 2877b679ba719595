ALTER TABLE answered_requests ADD COLUMN tools_offered integer;
