CREATE TABLE oauth_sources (name text PRIMARY KEY);
