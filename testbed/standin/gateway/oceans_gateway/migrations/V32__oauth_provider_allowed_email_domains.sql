ALTER TABLE oauth_sources ADD COLUMN mail_domains text[] NOT NULL DEFAULT '{}';
