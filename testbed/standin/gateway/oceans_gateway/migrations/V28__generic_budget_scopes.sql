-- Destroys data: no cap of before is carried over.
DROP TABLE spending_caps;
CREATE TABLE spending_caps (
    scope text NOT NULL,
    subject text NOT NULL,
    dollars numeric NOT NULL,
    PRIMARY KEY (scope, subject)
);
