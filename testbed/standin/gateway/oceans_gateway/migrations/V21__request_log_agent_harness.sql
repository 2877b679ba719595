ALTER TABLE answered_requests ADD COLUMN harness text;
