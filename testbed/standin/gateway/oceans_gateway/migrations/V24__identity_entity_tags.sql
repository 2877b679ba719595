ALTER TABLE users ADD COLUMN labels text[] NOT NULL DEFAULT '{}';
ALTER TABLE teams ADD COLUMN labels text[] NOT NULL DEFAULT '{}';
