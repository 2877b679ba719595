CREATE TABLE reviews (id uuid PRIMARY KEY, status text NOT NULL);
