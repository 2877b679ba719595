ALTER TABLE service_accounts ADD COLUMN labels text[] NOT NULL DEFAULT '{}';
