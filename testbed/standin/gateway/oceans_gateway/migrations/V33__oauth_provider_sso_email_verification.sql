ALTER TABLE oauth_sources ADD COLUMN wants_verified_mail boolean NOT NULL DEFAULT true;
